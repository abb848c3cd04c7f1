/** Tickets and share links in Redis, under the hashes of their secrets. */
import type { Role } from '@hushryd/kernel/rpc/caller.ts'
import { readShareLink, type ShareLink, shareLinkKey, writeShareLink } from '@hushryd/kernel/share-link.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import { hashOf } from './session-token.ts'

export const TICKET_MS = 30_000

export type Ticket =
  | { readonly kind: 'session'; readonly userId: string; readonly role: Role; readonly sessionHash: string }
  | { readonly kind: 'fleet' }

function ticketKey(ticket: string): string {
  return `ticket:{${hashOf(ticket)}}`
}

export class LinkStore {
  readonly #redis: RedisLink

  constructor(redis: RedisLink) {
    this.#redis = redis
  }

  async putTicket(secret: string, ticket: Ticket): Promise<void> {
    await this.#redis.run((redis) => redis.set(ticketKey(secret), JSON.stringify(ticket), 'PX', TICKET_MS))
  }

  /** Once: the ticket is gone with the answer. */
  async takeTicket(secret: string): Promise<Ticket | undefined> {
    const text = await this.#redis.run((redis) => redis.getdel(ticketKey(secret)))
    return text === null ? undefined : (JSON.parse(text) as Ticket)
  }

  async putShare(token: string, link: ShareLink, lifeMs: number): Promise<void> {
    await this.#redis.run((redis) => redis.set(shareLinkKey(token), writeShareLink(link), 'PX', lifeMs))
  }

  async findShare(token: string): Promise<ShareLink | undefined> {
    const text = await this.#redis.run((redis) => redis.get(shareLinkKey(token)))
    return text === null ? undefined : readShareLink(text)
  }
}
