/** Alerts in MongoDB: group commits, writes guarded by the version, and what lists need. */
import { randomUUID } from 'node:crypto'
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { storeAway } from '@hushryd/kernel/stores/store-error.ts'
import type { AnyBulkWriteOperation, Collection, Filter, FindCursor, WithId } from 'mongodb'
import type { Alert, AlertId, Status } from './alert.ts'
import { type AlertDocument, alertsSpec, fromDocument, toDocument, toFields } from './alert-document.ts'
import type { StoredAlert } from './entry.ts'
import type { OpenBatches } from './open-batches.ts'

const DUPLICATE_KEY = 11_000
/** A change meets another one at most a few times; so often is a fault. */
const TRIES_MAX = 20
/** Legs have ended long before, unless their process has died. */
const RETRY_AFTER_MS = 10_000

export interface Inserted {
  readonly batchId: string
  /** Those that were there before, by id. */
  readonly earlier: ReadonlyMap<AlertId, StoredAlert>
}

export interface InsertOptions {
  readonly nowMs: number
  /** When whichever process comes first finishes their legs, if this one has not. */
  readonly retryMs?: number
  readonly timeoutMs?: number
}

export interface AlertFilter {
  readonly statuses: readonly Status[]
  readonly tripId: string
  readonly userId: string
}

export interface AlertPage {
  /** The last one of the page before. */
  readonly after: { readonly receivedMs: number; readonly alertId: string } | undefined
  readonly limit: number
}

export interface Change {
  readonly before: Alert
  readonly after: Alert
}

/** As the index has them. */
function newestFirst({ alert: a }: StoredAlert, { alert: b }: StoredAlert): number {
  return b.receivedMs - a.receivedMs || (a.alertId < b.alertId ? 1 : -1)
}

interface WriteFailure {
  readonly index: number
  readonly code: number
  readonly errmsg: string
}

interface InsertReply {
  readonly writeErrors?: readonly WriteFailure[]
  readonly writeConcernError?: { readonly errmsg: string }
}

export class AlertStore {
  readonly #mongo: MongoLink
  readonly #collection: Collection<AlertDocument>
  readonly #batches: OpenBatches
  /** The connection's, which commands do not take by themselves. */
  readonly #writeConcern: { readonly w?: number | string; readonly j?: boolean }

  constructor(mongo: MongoLink, batches: OpenBatches) {
    this.#mongo = mongo
    this.#collection = mongo.db.collection<AlertDocument>(alertsSpec.name)
    this.#batches = batches
    const { w, journal } = this.#collection.writeConcern ?? {}
    this.#writeConcern = {
      ...(w === undefined ? {} : { w }),
      ...(journal === undefined ? {} : { j: journal }),
    }
  }

  /** All of them are there afterwards. May be repeated: the ids are the documents'. */
  async insert(
    alerts: readonly Alert[],
    { nowMs, retryMs = nowMs + RETRY_AFTER_MS, ...within }: InsertOptions,
  ): Promise<Inserted> {
    const batchId = randomUUID()
    const ids = alerts.map(({ alertId }) => alertId)
    // First, so that no alert is there without a trace of what is left to do for it.
    await this.#batches.open({ id: batchId, alertIds: ids, atMs: nowMs, retryMs }, within)
    const taken = await this.#mongo.run(() => this.#insert(alerts, batchId), within)
    if (taken.length === 0) return { batchId, earlier: new Map() }
    const stored = await this.findMany(taken)
    if (stored.length < taken.length) throw storeAway('mongo', new Error('a stored alert is not found'))
    return { batchId, earlier: new Map(stored.map((each) => [each.alert.alertId, each])) }
  }

  /** The ids that were there already. */
  async #insert(alerts: readonly Alert[], batchId: string): Promise<AlertId[]> {
    const documents = alerts.map((alert) => toDocument(alert, batchId))
    // The command itself: insertMany serializes each document twice.
    const { writeErrors = [], writeConcernError } = (await this.#mongo.db.command({
      insert: this.#collection.collectionName,
      documents,
      ordered: false,
      writeConcern: this.#writeConcern,
    })) as InsertReply
    if (writeConcernError !== undefined) throw storeAway('mongo', new Error(writeConcernError.errmsg))
    const other = writeErrors.find(({ code }) => code !== DUPLICATE_KEY)
    if (other !== undefined) throw new Error(`MongoDB refused an alert (${other.code}): ${other.errmsg}`)
    return writeErrors.flatMap(({ index }) => alerts[index]?.alertId ?? [])
  }

  async find(alertId: string): Promise<StoredAlert | undefined> {
    const [found] = await this.findMany([alertId as AlertId])
    return found
  }

  async findMany(ids: readonly AlertId[]): Promise<StoredAlert[]> {
    return await this.#read({ _id: { $in: [...ids] } }, (cursor) => cursor)
  }

  /** How many of them are there: half of what it costs to be told of each. */
  async countOf(ids: readonly AlertId[]): Promise<number> {
    return await this.#mongo.run(() => this.#collection.countDocuments({ _id: { $in: [...ids] } }))
  }

  /** The ids of those that are there, with whose they are. */
  async findOwners(ids: readonly AlertId[]): Promise<ReadonlyMap<AlertId, string>> {
    const found = await this.#mongo.run(() =>
      this.#collection.find({ _id: { $in: [...ids] } }, { projection: { userId: 1 } }).toArray(),
    )
    return new Map(found.map(({ _id, userId }) => [_id, userId]))
  }

  /** Newest first. */
  async list({ statuses, tripId, userId }: AlertFilter, { after, limit }: AlertPage): Promise<StoredAlert[]> {
    const from =
      after === undefined
        ? {}
        : {
            $or: [
              { triggeredAt: { $lt: new Date(after.receivedMs) } },
              { triggeredAt: new Date(after.receivedMs), _id: { $lt: after.alertId as AlertId } },
            ],
          }
    const filter: Filter<AlertDocument> = {
      ...from,
      ...(statuses.length === 0 ? {} : { status: { $in: [...statuses] } }),
      ...(tripId === '' ? {} : { tripId }),
      ...(userId === '' ? {} : { userId }),
    }
    const read = (more: Filter<AlertDocument>): Promise<StoredAlert[]> =>
      this.#read({ ...filter, ...more }, (cursor) => cursor.sort({ triggeredAt: -1, _id: -1 }).limit(limit))
    if (tripId === '' && userId === '') return await read({})
    // Each of the two has its index; one that is closed in between is in one of them at least.
    const open = await read({ nextEscalationAt: { $exists: true } })
    const closed = await read({ closedMs: { $exists: true } })
    const found = new Map([...open, ...closed].map((stored) => [stored.alert.alertId, stored]))
    return [...found.values()].toSorted(newestFirst).slice(0, limit)
  }

  /** Those that are not closed, the most urgent first. */
  async listOpen(limit: number): Promise<StoredAlert[]> {
    return await this.#read({ nextEscalationAt: { $exists: true } }, (cursor) =>
      cursor.sort({ nextEscalationAt: 1 }).limit(limit),
    )
  }

  async listDue(nowMs: number, limit: number): Promise<Alert[]> {
    const found = await this.#read({ nextEscalationAt: { $lte: new Date(nowMs) } }, (cursor) =>
      cursor.sort({ nextEscalationAt: 1 }).limit(limit),
    )
    return found.map(({ alert }) => alert)
  }

  /** The earliest open alert of a person. */
  async findOpenOf(userId: string): Promise<Alert | undefined> {
    const [found] = await this.#read({ userId, nextEscalationAt: { $exists: true } }, (cursor) =>
      cursor.sort({ triggeredAt: 1 }).limit(1),
    )
    return found?.alert
  }

  /** Of all that are open, up to the limit: the database looks at each that it counts. */
  async countUntaken(limit: number): Promise<number> {
    return await this.#mongo.run(() =>
      this.#collection.countDocuments({ nextEscalationAt: { $exists: true }, status: 'ACTIVE' }, { limit }),
    )
  }

  /**
   * Applies a change to the newest state, again where another one came in
   * between. Undefined where there is no such alert; `apply` answers the alert
   * itself or undefined where there is nothing to change.
   */
  async change(
    alertId: string,
    apply: (alert: Alert) => Alert | undefined,
  ): Promise<(StoredAlert & { readonly isChanged: boolean }) | undefined> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const found = await this.find(alertId)
      if (found === undefined) return undefined
      const after = apply(found.alert)
      if (after === undefined || after === found.alert) return { ...found, isChanged: false }
      const matched = await this.write([{ before: found.alert, after }])
      if (matched === 1) return { alert: after, legs: found.legs, isChanged: true }
    }
    throw new Error(`an alert changed ${TRIES_MAX} times while one change was tried`)
  }

  /** Writes those that nobody else has changed since; answers how many. */
  async write(changes: readonly Change[]): Promise<number> {
    if (changes.length === 0) return 0
    const operations = changes.map(({ before, after }): AnyBulkWriteOperation<AlertDocument> => {
      const fields = toFields(after)
      return {
        updateOne: {
          filter: { _id: before.alertId, version: before.version },
          update: {
            $set: fields,
            ...(fields.nextEscalationAt === undefined ? { $unset: { nextEscalationAt: '' } } : {}),
          },
        },
      }
    })
    const { matchedCount } = await this.#mongo.run(() =>
      this.#collection.bulkWrite(operations, { ordered: false }),
    )
    return matchedCount
  }

  /** Every alert, oldest first, for what looks at all of them. */
  async *all(): AsyncGenerator<Alert> {
    for await (const document of this.#collection.find().sort({ triggeredAt: 1, _id: 1 }))
      yield fromDocument(document)
  }

  async #read(
    filter: Filter<AlertDocument>,
    shape: (cursor: FindCursor<WithId<AlertDocument>>) => FindCursor<WithId<AlertDocument>>,
  ): Promise<StoredAlert[]> {
    const documents = await this.#mongo.run(() => shape(this.#collection.find(filter)).toArray())
    if (documents.length === 0) return []
    const legsOf = await this.#batches.legsOf(documents.map(({ batchId }) => batchId))
    return documents.map((document) => {
      const alert = fromDocument(document)
      const legs = legsOf(document.batchId, document._id)
      return { alert, legs: alert.hasNoContacts ? { ...legs, contacts: 'NONE' } : legs }
    })
  }
}
