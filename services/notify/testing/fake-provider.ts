/** A provider that does what the test wants, and remembers what it was given. */
import type { Channel, OutgoingMessage, Provider, ProviderName, SendResult } from '../provider.ts'

const CHANNEL_OF: Readonly<Record<ProviderName, Channel>> = {
  twilio: 'sms',
  msg91: 'sms',
  sendgrid: 'email',
  ses: 'email',
  whatsapp: 'whatsapp',
  fcm: 'push',
}

export type Behaviour = (message: OutgoingMessage, signal: AbortSignal) => Promise<SendResult> | SendResult

let sent = 0

export const accepts: Behaviour = () => {
  sent += 1
  return { kind: 'accepted', providerId: `fake-${sent}` }
}

export const isDown: Behaviour = () => {
  throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
}

/** Answers nothing until the caller gives up. */
export const hangs: Behaviour = (_message, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(Object.assign(new Error('too slow'), { code: 'timeout' })))
  })

/** Accepts after a while, as over a network. */
export function takes(ms: number): Behaviour {
  return async (message, signal) => {
    await new Promise<void>((resolve) => setTimeout(resolve, ms))
    return await accepts(message, signal)
  }
}

export function refuses(
  code: string,
  more: { readonly isPermanent?: boolean; readonly suppress?: boolean } = {},
): Behaviour {
  return () => ({ kind: 'refused', code, isPermanent: false, detail: '', ...more })
}

export interface SentMessage extends OutgoingMessage {
  readonly provider: ProviderName
  readonly atMs: number
  /** Undefined where it was not taken. */
  readonly providerId: string | undefined
}

export class FakeProvider implements Provider {
  readonly name: ProviderName
  readonly channel: Channel
  readonly hasReceipts: boolean
  readonly messages: SentMessage[] = []
  behaviour: Behaviour = accepts

  constructor(name: ProviderName, hasReceipts = name !== 'fcm') {
    this.name = name
    this.channel = CHANNEL_OF[name]
    this.hasReceipts = hasReceipts
  }

  async send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
    const record = { ...message, provider: this.name, atMs: Date.now() }
    const index = this.messages.push({ ...record, providerId: undefined }) - 1
    const result = await this.behaviour(message, signal)
    if (result.kind === 'accepted') this.messages[index] = { ...record, providerId: result.providerId }
    return result
  }

  to(address: string): SentMessage[] {
    return this.messages.filter(({ to }) => to === address)
  }
}

export function createFakes() {
  const fakes = {
    twilio: new FakeProvider('twilio'),
    msg91: new FakeProvider('msg91'),
    whatsapp: new FakeProvider('whatsapp'),
    fcm: new FakeProvider('fcm'),
    sendgrid: new FakeProvider('sendgrid'),
    ses: new FakeProvider('ses'),
  }
  return { ...fakes, all: Object.values(fakes) }
}

export type Fakes = ReturnType<typeof createFakes>
