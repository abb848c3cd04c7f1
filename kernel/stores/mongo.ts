/** MongoDB: one client a process, collections with their validators and indexes. */
import {
  type Collection,
  type CollectionOptions,
  type CreateCollectionOptions,
  type Db,
  type Document,
  type IndexDescription,
  MongoClient,
  MongoServerError,
  type TimeSeriesCollectionOptions,
} from 'mongodb'
import { pause, systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { MetricSpec, Metrics } from '../metrics.ts'
import { traced } from '../tracing.ts'
import { createCircuit, within } from './circuit.ts'
import { withStore } from './store-error.ts'

export interface MongoLinkOptions {
  readonly url: string
  readonly db: string
  readonly name: string
  readonly log: Log
  readonly metrics: Metrics
  readonly maxPoolSize?: number
}

export interface MongoLink extends AsyncDisposable {
  readonly client: MongoClient
  readonly db: Db
  /**
   * With the circuit breaker, and errors translated: UNAVAILABLE where MongoDB
   * is away or takes longer than the time. A write may then be stored all the
   * same, so whoever repeats it has made it repeatable.
   */
  run<T>(work: (db: Db) => Promise<T>, options?: { readonly timeoutMs?: number }): Promise<T>
  /** Asks the server; for readiness. */
  check(): Promise<'ok' | string>
  close(): Promise<void>
}

export const MONGO_CONNECTIONS = {
  name: 'hushryd_mongo_connections',
  help: 'Connections to MongoDB that are in use.',
} satisfies MetricSpec

/** How long an operation looks for a server before it fails. */
const SERVER_SELECTION_MS = 2000
/** The driver takes `timeoutMS` of an operation and ignores it (7.9), hence a bound of our own. */
const RUN_TIMEOUT_MS = 8000
/** From a failed start to the next try. */
const CONNECT_AGAIN_MS = 250
/** A socket without an answer for this long is given up. */
const SOCKET_TIMEOUT_MS = 10_000
const CHECK_TIMEOUT_MS = 1000
const SPAN = { kind: 'client', attributes: { 'db.system.name': 'mongodb' } } as const
const POOL_MAX = 50
/** An address that says how many servers acknowledge a write: `w=1` is right for the local one alone. */
const NAMES_WRITERS = /[?&]w=/i
/** Operations that wait for a connection of the pool fail after this. */
const POOL_WAIT_MS = 2000

/**
 * Answers at once: the client connects by itself, at the first operation and
 * after each outage. Writes are acknowledged by a majority where the address
 * does not say otherwise; the driver leaves sessions and retries away on
 * servers that have none, as the local one.
 */
export async function connectMongo(options: MongoLinkOptions): Promise<MongoLink> {
  const { url, name, log, metrics, maxPoolSize = POOL_MAX } = options
  const client = new MongoClient(url, {
    appName: name,
    maxPoolSize,
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    connectTimeoutMS: SERVER_SELECTION_MS,
    socketTimeoutMS: SOCKET_TIMEOUT_MS,
    waitQueueTimeoutMS: POOL_WAIT_MS,
    ...(NAMES_WRITERS.test(url) ? {} : { writeConcern: { w: 'majority' } }),
    ignoreUndefined: true,
  })
  let checkedOut = 0
  client.on('connectionCheckedOut', () => {
    checkedOut += 1
  })
  client.on('connectionCheckedIn', () => {
    checkedOut -= 1
  })
  metrics.gauge(MONGO_CONNECTIONS, () => checkedOut)
  // One record an outage of a server, not one a heartbeat.
  const away = new Set<string>()
  client.on('serverHeartbeatFailed', ({ connectionId, failure }) => {
    if (away.has(connectionId)) return
    away.add(connectionId)
    log.warn({ err: failure, server: connectionId }, 'MongoDB is away')
  })
  client.on('serverHeartbeatSucceeded', ({ connectionId }) => {
    if (away.delete(connectionId)) log.info({ server: connectionId }, 'MongoDB is back')
  })

  const circuit = createCircuit('mongo', metrics)
  const db = client.db(options.db)
  const closing = new AbortController()
  /** Once it is connected the driver finds a server again by itself; before, a failure ends it for good. */
  async function connect(): Promise<void> {
    for (let isFirst = true; !closing.signal.aborted; isFirst = false) {
      try {
        await client.connect()
        log.info('MongoDB connected')
        if (closing.signal.aborted) await client.close()
        return
      } catch (error) {
        if (isFirst) log.warn({ err: error }, 'MongoDB is away at the start; trying on')
        await pause(systemClock, CONNECT_AGAIN_MS, closing.signal)
      }
    }
  }
  void connect()
  const link: MongoLink = {
    client,
    db,
    run: (work, { timeoutMs = RUN_TIMEOUT_MS } = {}) =>
      traced('mongodb', SPAN, () => circuit.run(() => within(timeoutMs, () => work(db)))),
    async check() {
      try {
        await within(CHECK_TIMEOUT_MS, () => db.command({ ping: 1 }))
        return 'ok'
      } catch (error) {
        return error instanceof Error ? error.name : 'away'
      }
    },
    async close() {
      closing.abort()
      await client.close()
    },
    [Symbol.asyncDispose]: () => link.close(),
  }
  return link
}

export interface CollectionSpec {
  readonly name: string
  /** A $jsonSchema validator, brought up to date where the collection is there already. */
  readonly validator?: Document
  readonly indexes?: readonly IndexDescription[]
  readonly timeseries?: TimeSeriesCollectionOptions
  /** For time series; elsewhere a TTL index does it. */
  readonly expireAfterSeconds?: number
  readonly collectionOptions?: CollectionOptions
}

/** MongoDB's code for a collection that is there already. */
const NAMESPACE_EXISTS = 48

/** Creates the collection or brings it up to date; several processes may do it at once. */
export async function ensureCollection<T extends Document = Document>(
  db: Db,
  spec: CollectionSpec,
): Promise<Collection<T>> {
  const { name, validator, indexes = [], timeseries, expireAfterSeconds, collectionOptions } = spec
  return await withStore('mongo', async () => {
    const options: CreateCollectionOptions = {
      ...(validator === undefined ? {} : { validator }),
      ...(timeseries === undefined ? {} : { timeseries }),
      ...(expireAfterSeconds === undefined ? {} : { expireAfterSeconds }),
    }
    try {
      await db.createCollection(name, options)
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error
      if (validator !== undefined) await db.command({ collMod: name, validator })
    }
    const collection = db.collection<T>(name, collectionOptions)
    if (indexes.length > 0) await collection.createIndexes([...indexes])
    return collection
  })
}
