/** What the providers took, newest last, as the page and the tests see it. */

export type Channel = 'sms' | 'email' | 'whatsapp' | 'push'
export type MessageStatus = 'accepted' | 'sent' | 'delivered' | 'failed'

export interface Message {
  /** The provider's id of it. */
  readonly id: string
  readonly provider: string
  readonly channel: Channel
  readonly from: string
  /** Numbers in E.164. */
  readonly to: string
  /** E-mail, and the title of a push. */
  readonly subject?: string
  readonly body: string
  /** ISO 8601. */
  readonly at: string
  status: MessageStatus
}

export interface MessageFilter {
  readonly channel?: string | undefined
  readonly to?: string | undefined
  readonly provider?: string | undefined
  readonly limit?: number | undefined
}

export const MESSAGES_MAX = 20_000
/** Most that one answer holds, of the newest. */
export const PAGE_MAX = 1000

export class Inbox {
  /** A ring once it is full: the oldest is at #start. */
  readonly #messages: Message[] = []
  #start = 0
  readonly #taken = new Map<string, number>()

  add(message: Message): void {
    this.#taken.set(message.provider, (this.#taken.get(message.provider) ?? 0) + 1)
    if (this.#messages.length < MESSAGES_MAX) {
      this.#messages.push(message)
      return
    }
    this.#messages[this.#start] = message
    this.#start = (this.#start + 1) % MESSAGES_MAX
  }

  /** Newest last. */
  find({ channel, to, provider, limit = PAGE_MAX }: MessageFilter): readonly Message[] {
    const found: Message[] = []
    const count = this.#messages.length
    for (let back = 1; back <= count && found.length < Math.min(limit, PAGE_MAX); back += 1) {
      const message = this.#messages[(this.#start + count - back) % count]
      if (message === undefined) break
      if (channel !== undefined && message.channel !== channel) continue
      if (to !== undefined && message.to !== to) continue
      if (provider !== undefined && message.provider !== provider) continue
      found.push(message)
    }
    return found.reverse()
  }

  /** How many each provider has taken, those that are no longer kept too. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#taken)
  }

  clear(): void {
    this.#messages.length = 0
    this.#start = 0
    this.#taken.clear()
  }
}
