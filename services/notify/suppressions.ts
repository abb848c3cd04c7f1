/**
 * Numbers, addresses and devices that get nothing more for a while, because
 * messages to them bounced. Known by a keyed hash only: numbers are so few that
 * a plain one is soon reversed.
 */
import { createHmac } from 'node:crypto'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import type { Collection } from 'mongodb'
import type { NotifyEvents } from './events.ts'
import type { Channel } from './provider.ts'
import type { Addresses } from './recipients.ts'
import { isUnavailable, type RecordStore } from './record-store.ts'

export interface SuppressionDocument {
  readonly _id: string
  readonly channel: Channel
  readonly code: string
  readonly expiresAt: Date
}

export const suppressionsSpec: CollectionSpec = {
  name: 'notification_suppressions',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'channel', 'code', 'expiresAt'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string', pattern: '^[A-Za-z0-9_-]{43}$' },
        channel: { enum: ['sms', 'whatsapp', 'push', 'email'] },
        code: { bsonType: 'string' },
        expiresAt: { bsonType: 'date' },
      },
    },
  },
  indexes: [{ name: 'expiry', key: { expiresAt: 1 }, expireAfterSeconds: 0 }],
}

export interface SuppressionsParts {
  readonly collection: Collection<SuppressionDocument>
  readonly store: RecordStore
  readonly ring: KeyRing
  readonly events: NotifyEvents
  readonly nowMs: () => number
  readonly lastsMs: number
}

export class Suppressions {
  readonly #parts: SuppressionsParts

  constructor(parts: SuppressionsParts) {
    this.#parts = parts
  }

  #hashUnder(secret: KeyRing['current']['secret'], channel: Channel, address: string): string {
    return createHmac('sha256', secret).update(`suppression\n${channel}\n${address}`).digest('base64url')
  }

  /** Under the newest key. */
  hash(channel: Channel, address: string): string {
    return this.#hashUnder(this.#parts.ring.current.secret, channel, address)
  }

  async add(channel: Channel, recipientHash: string, code: string): Promise<void> {
    const { collection, store, events, nowMs, lastsMs } = this.#parts
    const expiresAt = new Date(nowMs() + lastsMs)
    try {
      await store.run(() =>
        collection.updateOne(
          { _id: recipientHash },
          { $set: { channel, code, expiresAt } },
          { upsert: true },
        ),
      )
    } catch (error) {
      // It bounces again, and is suppressed then.
      if (isUnavailable(error)) return
      throw error
    }
    events.suppressed(channel)
  }

  /** How many get nothing now. */
  async count(): Promise<ReadonlyMap<Channel, number>> {
    const { collection, store, nowMs } = this.#parts
    const found = await store.run(() =>
      collection
        .aggregate<{ _id: Channel; recipients: number }>([
          { $match: { expiresAt: { $gt: new Date(nowMs()) } } },
          { $group: { _id: '$channel', recipients: { $sum: 1 } } },
        ])
        .toArray(),
    )
    return new Map(found.map(({ _id, recipients }) => [_id, recipients]))
  }

  /** Whether an address gets nothing; none while MongoDB is away: one message too many is the smaller harm. */
  async find(addresses: Partial<Addresses>): Promise<(channel: Channel, address: string) => boolean> {
    const { collection, store, ring, nowMs } = this.#parts
    const byHash = new Map<string, string>()
    for (const [channel, list] of Object.entries(addresses) as [Channel, readonly string[]][]) {
      for (const address of list) {
        for (const { secret } of ring.keys.values())
          byHash.set(this.#hashUnder(secret, channel, address), `${channel} ${address}`)
      }
    }
    if (byHash.size === 0) return () => false
    try {
      const found = await store.run(() =>
        collection
          .find({ _id: { $in: [...byHash.keys()] }, expiresAt: { $gt: new Date(nowMs()) } })
          .project<{ _id: string }>({ _id: 1 })
          .toArray(),
      )
      const suppressed = new Set(found.map(({ _id }) => byHash.get(_id)))
      return (channel, address) => suppressed.has(`${channel} ${address}`)
    } catch (error) {
      if (isUnavailable(error)) return () => false
      throw error
    }
  }
}
