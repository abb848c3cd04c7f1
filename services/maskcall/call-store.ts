/** The log of calls in MongoDB. Writes are guarded by the version that they were decided on. */
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, type Filter, MongoServerError } from 'mongodb'
import { type CallDocument, callsSpec, fromDocument, toDocument } from './call-document.ts'
import type { CallRecord } from './call-record.ts'
import type { PageEnd } from './page-token.ts'

const DUPLICATE_KEY = 11_000
/** A call has two legs and some reports: that many writers at once are none of this world. */
const TRIES_MAX = 20

export interface CallsPage {
  readonly tripId: string
  /** Only this passenger's; everybody's where left out. */
  readonly passengerId: string | undefined
  /** Of the last one of the page before. */
  readonly after: PageEnd | undefined
  readonly limit: number
}

export class CallStore {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  #run<T>(work: (calls: Collection<CallDocument>) => Promise<T>): Promise<T> {
    return this.#link.run((db) => work(db.collection<CallDocument>(callsSpec.name)))
  }

  /** False where the id is taken. */
  async insert(record: CallRecord): Promise<boolean> {
    return await this.#run(async (calls) => {
      try {
        await calls.insertOne(toDocument(record))
        return true
      } catch (error) {
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false
        throw error
      }
    })
  }

  async find(id: string): Promise<CallRecord | undefined> {
    const document = await this.#run((calls) => calls.findOne({ _id: id }))
    return document === null ? undefined : fromDocument(document)
  }

  /** Undefined where there is no such call. `change` may run again, on what somebody else made of the call meanwhile. */
  async change(
    id: string,
    change: (record: CallRecord) => CallRecord,
  ): Promise<{ readonly before: CallRecord; readonly after: CallRecord } | undefined> {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const before = await this.find(id)
      if (before === undefined) return undefined
      const after = { ...change(before), version: before.version + 1 }
      const { _id, ...rest } = toDocument(after)
      const { matchedCount } = await this.#run((calls) =>
        calls.replaceOne({ _id, version: before.version }, rest),
      )
      if (matchedCount === 1) return { before, after }
    }
    throw new Error(`call ${id} changes faster than it can be written`)
  }

  /** Newest first. */
  async list({ tripId, passengerId, after, limit }: CallsPage): Promise<CallRecord[]> {
    const filter: Filter<CallDocument> = {
      tripId,
      ...(passengerId === undefined ? {} : { passengerId }),
      ...(after === undefined
        ? {}
        : {
            $or: [
              { startedAt: { $lt: new Date(after.atMs) } },
              { startedAt: new Date(after.atMs), _id: { $lt: after.id } },
            ],
          }),
    }
    const documents = await this.#run((calls) =>
      calls.find(filter).sort({ startedAt: -1, _id: -1 }).limit(limit).toArray(),
    )
    return documents.map(fromDocument)
  }

  /** Takes the one that is due the longest; nobody else gets it until the lease is over. */
  async claimDue(nowMs: number, leaseMs: number): Promise<CallRecord | undefined> {
    const document = await this.#run((calls) =>
      calls.findOneAndUpdate(
        { dueAt: { $lte: new Date(nowMs) } },
        { $set: { dueAt: new Date(nowMs + leaseMs) }, $inc: { version: 1 } },
        { sort: { dueAt: 1 }, returnDocument: 'after' },
      ),
    )
    return document === null ? undefined : fromDocument(document)
  }
}
