/** Calls to contacts about alerts, in MongoDB: each is made by one process, once. No number and no name is in it. */
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, MongoServerError } from 'mongodb'

export interface AlertCallDocument {
  /** Alert, person and the contact's place: a repeat is the same call. */
  readonly _id: string
  readonly state: 'placing' | 'placed' | 'refused'
  readonly changedAt: Date
  /** While it is being placed: until then nobody else takes it up. */
  readonly leaseMs: number
  /** Tries of which nobody knows whether the phone rang. */
  readonly unsure?: number
}

export type Claim =
  | { readonly kind: 'ours'; readonly unsure: number }
  /** Another process is at it. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'settled'; readonly isPlaced: boolean; readonly atMs: number }

const KEPT_S = 90 * 24 * 60 * 60
const DUPLICATE_KEY = 11_000

export const alertCallsSpec: CollectionSpec = {
  name: 'alert_calls',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'state', 'changedAt', 'leaseMs'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string' },
        state: { enum: ['placing', 'placed', 'refused'] },
        changedAt: { bsonType: 'date' },
        leaseMs: { bsonType: ['int', 'long', 'double'] },
        unsure: { bsonType: ['int', 'long', 'double'] },
      },
    },
  },
  indexes: [{ name: 'expiry', key: { changedAt: 1 }, expireAfterSeconds: KEPT_S }],
}

export class AlertCallStore {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  #run<T>(work: (calls: Collection<AlertCallDocument>) => Promise<T>): Promise<T> {
    return this.#link.run((db) => work(db.collection<AlertCallDocument>(alertCallsSpec.name)))
  }

  async claim(id: string, nowMs: number, leaseMs: number): Promise<Claim> {
    const lease = { changedAt: new Date(nowMs), leaseMs: nowMs + leaseMs }
    return await this.#run(async (calls): Promise<Claim> => {
      try {
        await calls.insertOne({ _id: id, state: 'placing', ...lease })
        return { kind: 'ours', unsure: 0 }
      } catch (error) {
        if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error
      }
      const known = await calls.findOne({ _id: id })
      if (known !== null && known.state !== 'placing')
        return { kind: 'settled', isPlaced: known.state === 'placed', atMs: known.changedAt.getTime() }
      const { matchedCount } = await calls.updateOne(
        { _id: id, state: 'placing', leaseMs: { $lte: nowMs } },
        { $set: lease },
      )
      return matchedCount === 1 ? { kind: 'ours', unsure: known?.unsure ?? 0 } : { kind: 'taken' }
    })
  }

  async settle(id: string, state: 'placed' | 'refused', nowMs: number): Promise<void> {
    await this.#run((calls) => calls.updateOne({ _id: id }, { $set: { state, changedAt: new Date(nowMs) } }))
  }

  /** Whoever is asked next tries again. */
  async release(id: string, { isUnsure = false } = {}): Promise<void> {
    const more = isUnsure ? { $inc: { unsure: 1 } } : {}
    await this.#run((calls) =>
      calls.updateOne({ _id: id, state: 'placing' }, { $set: { leaseMs: 0 }, ...more }),
    )
  }
}
