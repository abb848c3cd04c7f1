/** Bytes that a person has announced a day: counted by one guarded write, so that any number at once stay within. */
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, MongoServerError } from 'mongodb'

interface UsageRecord {
  /** `userId day`. */
  readonly _id: string
  readonly bytes: number
  readonly expiresAt: Date
}

const DUPLICATE_KEY = 11_000
const DAY_MS = 24 * 60 * 60 * 1_000

export const usageSpec: CollectionSpec = {
  name: 'document_usage',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'bytes', 'expiresAt'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string' },
        bytes: { bsonType: ['int', 'long', 'double'] },
        expiresAt: { bsonType: 'date' },
      },
    },
  },
  indexes: [{ name: 'expiry', key: { expiresAt: 1 }, expireAfterSeconds: 0 }],
}

export class UsageStore {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  #run<T>(work: (usage: Collection<UsageRecord>) => Promise<T>): Promise<T> {
    return this.#link.run((db) => work(db.collection<UsageRecord>(usageSpec.name)))
  }

  /** Whether they still fit into the day (UTC); they are counted if they do. */
  async take(userId: string, bytes: number, max: number, nowMs: number): Promise<boolean> {
    if (bytes > max) return false
    const day = Math.floor(nowMs / DAY_MS)
    const count = () =>
      this.#run((usage) =>
        usage.updateOne(
          { _id: `${userId} ${day}`, bytes: { $lte: max - bytes } },
          { $inc: { bytes }, $setOnInsert: { expiresAt: new Date((day + 2) * DAY_MS) } },
          { upsert: true },
        ),
      )
    const isCounted = async (): Promise<boolean> => {
      try {
        await count()
        return true
      } catch (error) {
        // Where the guard does not hold, the upsert meets the record that is there.
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false
        throw error
      }
    }
    // The day's first two at once: one inserts, and the other finds its record the second time.
    return (await isCounted()) || (await isCounted())
  }
}
