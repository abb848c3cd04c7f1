/** What a provider is to the sandbox. One file each in providers/. */
import type { SandboxReply, SandboxRequest, WebhookPost } from './exchange.ts'
import type { Channel, Message } from './inbox.ts'

/** A message that a provider has taken, and where it is to report of it. */
export interface Taken {
  readonly message: Message
  /** For providers that are told with each message. */
  readonly callbackUrl?: string
}

export interface ReceiptEvent extends Taken {
  readonly status: 'sent' | 'delivered' | 'failed'
  readonly atMs: number
}

export interface SandboxProvider {
  readonly name: string
  readonly channel: Channel
  /** Its address for messages; others that it has are in `serve`. */
  matches(request: SandboxRequest): boolean
  receive(request: SandboxRequest): { readonly reply: SandboxReply; readonly taken: readonly Taken[] }
  /** What it says when it is broken. */
  failure(): SandboxReply
  /** Its documented answer for an error code; `undefined` for a code that it does not have. */
  refusal(code: string): SandboxReply | undefined
  /** Signed posts that report events; undefined for a provider without receipts. */
  report?(events: readonly ReceiptEvent[]): Promise<readonly WebhookPost[]> | readonly WebhookPost[]
  /** Other addresses of the provider, which no fault touches; undefined for those of others. */
  serve?(request: SandboxRequest): SandboxReply | undefined
}

/** Where the customer has had its webhooks set up. */
export type WebhookUrl = (provider: string) => string

export interface Newcomer {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly subject?: string
  readonly body: string
}

export function take(
  { name, channel }: { readonly name: string; readonly channel: Channel },
  newcomer: Newcomer,
  callbackUrl?: string,
): Taken {
  const message: Message = {
    ...newcomer,
    provider: name,
    channel,
    at: new Date().toISOString(),
    status: 'accepted',
  }
  return callbackUrl === undefined ? { message } : { message, callbackUrl }
}
