/**
 * Webhooks that were posted before. Twilio's signatures have no time and
 * Exotel's secrets no nonce, so whoever has seen one request could post it
 * again, and an answer to an inbound call holds a number: each is taken once.
 */
import { createHash } from 'node:crypto'
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { MongoServerError } from 'mongodb'
import type { ProviderName, WebhookRequest } from '../voice-provider.ts'

interface SeenDocument {
  readonly _id: string
  readonly at: Date
}

/** Longer than a session lives and rests: what is posted later still finds nobody any more. */
const KEPT_S = 2 * 24 * 60 * 60
const DUPLICATE_KEY = 11_000

export const seenSpec: CollectionSpec = {
  name: 'mask_webhooks_seen',
  indexes: [{ name: 'expiry', key: { at: 1 }, expireAfterSeconds: KEPT_S }],
}

/** All that a signature covers. */
export function requestKey(provider: ProviderName, { url, body }: WebhookRequest): string {
  const { pathname, search } = new URL(url, 'http://localhost')
  return createHash('sha256').update(`${provider}\n${pathname}${search}\n`).update(body).digest('base64url')
}

export class Replays {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  /** True for the first one to say so. */
  async isFirst(key: string): Promise<boolean> {
    return await this.#link.run(async (db) => {
      try {
        await db.collection<SeenDocument>(seenSpec.name).insertOne({ _id: key, at: new Date() })
        return true
      } catch (error) {
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false
        throw error
      }
    })
  }

  /** For what is done over when it was not finished: looking comes first, isFirst last. */
  async isKnown(key: string): Promise<boolean> {
    const found = await this.#link.run((db) =>
      db.collection<SeenDocument>(seenSpec.name).findOne({ _id: key }),
    )
    return found !== null
  }
}
