/**
 * What the sending side needs of a provider: one message to one address, and
 * what became of it. Adapters live in providers/, fakes in tests.
 */

export type Channel = 'sms' | 'email' | 'whatsapp' | 'push'

export type ProviderName = 'twilio' | 'msg91' | 'sendgrid' | 'ses' | 'whatsapp' | 'fcm'

export interface OutgoingMessage {
  readonly notificationId: string
  /** The same on every try of the same attempt: for providers that take an idempotency key. */
  readonly attemptId: string
  /** E.164, e-mail address or registration token, by channel. */
  readonly to: string
  /** E-mail. */
  readonly subject?: string
  readonly text: string
  readonly html?: string
  /** Push. */
  readonly title?: string
  /** WhatsApp takes only texts that it has approved, by name. */
  readonly template?: { readonly name: string; readonly language: string; readonly params: readonly string[] }
  /** India's registry of senders and texts: an SMS without these is dropped by the operators. */
  readonly dlt?: {
    readonly entityId: string
    readonly templateId: string
    readonly headerId: string
    /** What stands in the places of {#var#}, in order: MSG91 is given these in place of the text. */
    readonly variables: readonly string[]
  }
  /** Push: for the app, not shown. */
  readonly data?: Readonly<Record<string, string>>
}

/** The outcomes that a sender branches on. */
export type SendResult =
  | { readonly kind: 'accepted'; readonly providerId: string }
  | {
      readonly kind: 'refused'
      readonly code: string
      /** The same message to the same address will not be taken later either. */
      readonly isPermanent: boolean
      /** The address itself is bad: nothing more goes there. */
      readonly suppress?: boolean
      /** For the log: without numbers, addresses and texts. */
      readonly detail: string
    }

export interface Provider {
  readonly name: ProviderName
  readonly channel: Channel
  /** Whether the provider reports by webhook what became of a message. */
  readonly hasReceipts: boolean
  /** Throws only where the provider is unreachable, too slow or broken (5xx): what counts for its circuit breaker. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult>
}

export interface DeliveryReceipt {
  readonly provider: ProviderName
  readonly providerId: string
  readonly status: 'sent' | 'delivered' | 'read' | 'failed' | 'bounced'
  readonly atMs: number
  readonly errorCode?: string
}
