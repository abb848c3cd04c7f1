/**
 * Numbers, addresses and devices that get nothing more for a while, because
 * messages to them bounced. Known by a keyed hash only: numbers are so few that
 * a plain one is soon reversed.
 */
import { createHmac } from 'node:crypto'
import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
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

/** One who wants to know which of these are suppressed. */
interface Look {
  readonly hashes: readonly string[]
  readonly resolve: (found: readonly string[]) => void
  readonly reject: (error: unknown) => void
}

/** Each has a hash for each address and key. */
const LOOKS_MAX = 500

export class Suppressions {
  readonly #parts: SuppressionsParts
  readonly #looks: GroupCommit<Look>

  constructor(parts: SuppressionsParts) {
    this.#parts = parts
    this.#looks = new GroupCommit({ batchMax: LOOKS_MAX, commit: (looks) => this.#lookFor(looks) })
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

  async #look(hashes: readonly string[]): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
    this.#looks.add({ hashes, resolve, reject })
    return await promise
  }

  /** In a flood one query answers many. */
  async #lookFor(looks: readonly Look[]): Promise<void> {
    const { collection, store, nowMs } = this.#parts
    const ids = looks.flatMap(({ hashes }) => hashes)
    try {
      const found = await store.run(() =>
        collection
          .find({ _id: { $in: ids }, expiresAt: { $gt: new Date(nowMs()) } })
          .project<{ _id: string }>({ _id: 1 })
          .toArray(),
      )
      const suppressed = new Set(found.map(({ _id }) => _id))
      for (const { hashes, resolve } of looks) resolve(hashes.filter((hash) => suppressed.has(hash)))
    } catch (error) {
      for (const { reject } of looks) reject(error)
    }
  }

  /** Whether an address gets nothing; none while MongoDB is away: one message too many is the smaller harm. */
  async find(addresses: Partial<Addresses>): Promise<(channel: Channel, address: string) => boolean> {
    const { ring } = this.#parts
    const byHash = new Map<string, string>()
    for (const [channel, list] of Object.entries(addresses) as [Channel, readonly string[]][]) {
      for (const address of list) {
        for (const { secret } of ring.keys.values())
          byHash.set(this.#hashUnder(secret, channel, address), `${channel} ${address}`)
      }
    }
    if (byHash.size === 0) return () => false
    try {
      const found = await this.#look([...byHash.keys()])
      const suppressed = new Set(found.map((hash) => byHash.get(hash)))
      return (channel, address) => suppressed.has(`${channel} ${address}`)
    } catch (error) {
      if (isUnavailable(error)) return () => false
      throw error
    }
  }
}
