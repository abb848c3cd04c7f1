/**
 * The collection location_history: a time series with one document a position.
 *
 * A time series takes neither a validator nor a unique index. So this file is
 * the only one that makes its documents, and whoever reads tells repeats apart.
 */
import { type CollectionSpec, ensureCollection, type MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, type Document, MongoBulkWriteError } from 'mongodb'
import type { Fix } from './fix.ts'
import { type HistoryFix, nameOf } from './history-fixes.ts'
import { type FindHistory, HISTORY_DAYS } from './snapshot.ts'

const SECONDS_A_DAY = 86_400

/** Without it the planner may walk all trips of the time. */
const TRIP_TIME = 'trip_time'

export const historyShape: CollectionSpec = {
  name: 'location_history',
  timeseries: { timeField: 't', metaField: 'meta', granularity: 'seconds' },
  expireAfterSeconds: HISTORY_DAYS * SECONDS_A_DAY,
  indexes: [{ name: TRIP_TIME, key: { 'meta.tripId': 1, t: 1 } }],
}

interface HistoryDocument extends Document {
  readonly t: Date
  readonly meta: { readonly tripId: string; readonly userId: string }
  readonly lat: number
  readonly lng: number
  readonly accuracy: number
  readonly speed: number
  readonly heading: number
  readonly suspect?: true
}

function documentOf({ tripId, fix, isSuspect }: HistoryFix): HistoryDocument {
  const { userId, lat, lng, accuracy, speed, heading, timestampMs } = fix
  const meta = { tripId, userId }
  const document = { t: new Date(timestampMs), meta, lat, lng, accuracy, speed, heading }
  return isSuspect ? { ...document, suspect: true } : document
}

function fixOf({ t, meta, lat, lng, accuracy, speed, heading }: HistoryDocument): Fix {
  return { userId: meta.userId, lat, lng, accuracy, speed, heading, timestampMs: t.getTime() }
}

/** The last millisecond that a Date can hold. */
const DATE_MS_MAX = 8_640_000_000_000_000

function timeBetween(fromMs: number, toMs: number): { $gte: Date; $lte: Date } {
  return { $gte: new Date(Math.max(0, fromMs)), $lte: new Date(Math.min(toMs, DATE_MS_MAX)) }
}

function collectionOf(mongo: MongoLink): Collection<HistoryDocument> {
  return mongo.db.collection<HistoryDocument>(historyShape.name)
}

export function createHistoryFinder(mongo: MongoLink, timeoutMs: number): FindHistory {
  const collection = collectionOf(mongo)
  return async (tripId, { fromMs, toMs, fixesMax }) =>
    await mongo.run(
      async () => {
        const found = await collection
          .find(
            { 'meta.tripId': tripId, t: timeBetween(fromMs, toMs), suspect: { $exists: false } },
            { projection: { _id: 0 }, hint: TRIP_TIME },
          )
          .sort({ t: -1 })
          .limit(fixesMax)
          .toArray()
        return found.map(fixOf)
      },
      { timeoutMs },
    )
}

export interface HistoryStore {
  prepare(): Promise<void>
  /** The names of those that are stored already. */
  findKnown(fixes: readonly HistoryFix[]): Promise<ReadonlySet<string>>
  /**
   * Resolves once a majority has them in its journal; answers how many MongoDB
   * will never take. Throws UNAVAILABLE, where some may be stored all the same.
   */
  write(fixes: readonly HistoryFix[]): Promise<number>
}

export function createHistoryStore(mongo: MongoLink): HistoryStore {
  const collection = collectionOf(mongo)
  return {
    async prepare() {
      await ensureCollection(mongo.db, historyShape)
    },
    async findKnown(fixes) {
      const tripIds = [...new Set(fixes.map(({ tripId }) => tripId))]
      let fromMs = Infinity
      let toMs = 0
      for (const { fix } of fixes) {
        fromMs = Math.min(fromMs, fix.timestampMs)
        toMs = Math.max(toMs, fix.timestampMs)
      }
      return await mongo.run(async () => {
        const found = collection.find(
          { 'meta.tripId': { $in: tripIds }, t: timeBetween(fromMs, toMs) },
          { projection: { _id: 0, t: 1, meta: 1 }, hint: TRIP_TIME },
        )
        const known = new Set<string>()
        for await (const { t, meta } of found) known.add(nameOf(meta.tripId, meta.userId, t.getTime()))
        return known
      })
    },
    async write(fixes) {
      return await mongo.run(async () => {
        try {
          await collection.insertMany(fixes.map(documentOf), {
            ordered: false,
            writeConcern: { w: collection.writeConcern?.w ?? 'majority', journal: true },
          })
          return 0
        } catch (error) {
          const refused = error instanceof MongoBulkWriteError ? [error.writeErrors].flat().length : 0
          if (refused === 0) throw error
          return refused
        }
      })
    },
  }
}
