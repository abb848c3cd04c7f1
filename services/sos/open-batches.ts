/**
 * What is left to do for alerts that the database has, one document a group
 * commit: it is there before its alerts are and goes when all of their legs
 * have ended well, so that a crash at any point leaves either no alert or a
 * trace of what to finish. One small document a batch, where a mark in each
 * alert would cost a second write of everything.
 */
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import type { Collection } from 'mongodb'
import type { AlertId, Leg, Legs } from './alert.ts'

export type OtherLeg = Exclude<Leg, 'database'>
export const OTHER_LEGS = ['stream', 'admin', 'contacts'] as const satisfies readonly OtherLeg[]

export interface OpenBatchDocument {
  readonly _id: string
  readonly alertIds: readonly AlertId[]
  readonly openLegs: readonly OtherLeg[]
  readonly openedAt: Date
  /** Not before this is it taken up by whoever comes first. */
  readonly retryAt: Date
  readonly tries: number
}

export const openBatchesSpec: CollectionSpec = {
  name: 'sos_open_batches',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'alertIds', 'openLegs', 'openedAt', 'retryAt', 'tries'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string' },
        alertIds: { bsonType: 'array', minItems: 1, items: { bsonType: 'string' } },
        openLegs: { bsonType: 'array', items: { enum: [...OTHER_LEGS] } },
        openedAt: { bsonType: 'date' },
        retryAt: { bsonType: 'date' },
        tries: { bsonType: ['int', 'long', 'double'], minimum: 0 },
      },
    },
  },
  indexes: [{ name: 'due', key: { retryAt: 1 } }],
}

export interface NewOpenBatch {
  readonly id: string
  readonly alertIds: readonly AlertId[]
  readonly atMs: number
  readonly retryMs: number
}

export const ALL_DONE: Legs = { stream: 'DONE', database: 'DONE', admin: 'DONE', contacts: 'DONE' }

export class OpenBatches {
  readonly #mongo: MongoLink
  readonly #collection: Collection<OpenBatchDocument>
  readonly #isDone: (alertId: string) => boolean

  /** `isDone`: this process has seen all legs end, even where the batch is not closed yet. */
  constructor(mongo: MongoLink, isDone: (alertId: string) => boolean = () => false) {
    this.#mongo = mongo
    this.#isDone = isDone
    this.#collection = mongo.db.collection<OpenBatchDocument>(openBatchesSpec.name)
  }

  async open(
    { id, alertIds, atMs, retryMs }: NewOpenBatch,
    within: { readonly timeoutMs?: number },
  ): Promise<void> {
    const times = { openedAt: new Date(atMs), retryAt: new Date(retryMs) }
    const document: OpenBatchDocument = { _id: id, alertIds, openLegs: OTHER_LEGS, ...times, tries: 0 }
    await this.#mongo.run(() => this.#collection.insertOne(document), within)
  }

  async close(ids: readonly string[]): Promise<void> {
    await this.#mongo.run(() => this.#collection.deleteMany({ _id: { $in: [...ids] } }))
  }

  /** Fewer alerts or legs are left than there were; whoever comes first takes them up at that time. */
  async narrow(
    id: string,
    alertIds: readonly AlertId[],
    openLegs: readonly OtherLeg[],
    retryMs: number,
  ): Promise<void> {
    const rest = { alertIds, openLegs, retryAt: new Date(retryMs) }
    await this.#mongo.run(() => this.#collection.updateOne({ _id: id }, { $set: rest }))
  }

  /** The one that is due the longest; nobody else gets it before the given time. */
  async claimDue(nowMs: number, untilMs: number): Promise<OpenBatchDocument | undefined> {
    const found = await this.#mongo.run(() =>
      this.#collection.findOneAndUpdate(
        { retryAt: { $lte: new Date(nowMs) } },
        { $set: { retryAt: new Date(untilMs) }, $inc: { tries: 1 } },
        { sort: { retryAt: 1 }, returnDocument: 'after' },
      ),
    )
    return found ?? undefined
  }

  async count(): Promise<number> {
    return await this.#mongo.run(() => this.#collection.estimatedDocumentCount())
  }

  /** How far the legs of alerts that came by these batches are. */
  async legsOf(batchIds: readonly string[]): Promise<(batchId: string, alertId: AlertId) => Legs> {
    const open = await this.#mongo.run(() =>
      this.#collection.find({ _id: { $in: [...new Set(batchIds)] } }).toArray(),
    )
    const byId = new Map(open.map((batch) => [batch._id, batch]))
    return (batchId, alertId) => {
      const batch = byId.get(batchId)
      if (batch === undefined || this.#isDone(alertId) || !batch.alertIds.includes(alertId)) return ALL_DONE
      const queued = Object.fromEntries(batch.openLegs.map((leg) => [leg, 'QUEUED']))
      return { ...ALL_DONE, ...queued }
    }
  }
}
