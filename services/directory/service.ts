/** The composition root of the directory. */
import { randomUUID } from 'node:crypto'
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { createEventLog, eventStreamSpec } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { ensureStreamExists } from '@hushryd/kernel/stores/jetstream.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo, ensureCollection, type MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { connectRedis } from '@hushryd/kernel/stores/redis.ts'
import type { Collection } from 'mongodb'
import { Cache } from './cache.ts'
import { CachedDocuments, type Clocks, type KindName } from './cached-documents.ts'
import { ChangeFeed } from './change-feed.ts'
import type { DirectoryConfig } from './config.ts'
import { type ContactsDocument, contactsShape, openContacts } from './contacts-store.ts'
import { createDirectoryEvents } from './events.ts'
import { Freshness } from './freshness.ts'
import { createHandlers } from './handlers.ts'
import { type Settleable, Settler, SWEEP_EVERY_MS } from './settler.ts'
import { openTrip, type TripDocument, tripsShape } from './trip-store.ts'
import { openUser, type UserDocument, usersShape } from './user-store.ts'
import type { InStore, VersionedDocument } from './versioned-document.ts'

export interface Directory extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface DirectoryOverrides {
  readonly logSink?: { write(line: string): void }
}

const NAME = 'directory'
/** While MongoDB is away the sweeps try it at least this often: until one works, nothing is read from Redis alone. */
const SWEEP_BACKOFF_MAX_MS = 1000
/** Bounds one command to MongoDB, finding a server included: a read still has time to be answered from Redis. */
const MONGO_COMMAND_MS = 1500
/** A change of a trip does not wait longer for the operations room: the settler tells it later. */
const LOG_ACK_TIMEOUT_MS = 1000
const LOG_LOOK_MS = 1000
/** Where it is this service that makes the stream; admin brings it to what it is to be. */
const LOG_REPLICAS = 1
const SHAPES = [usersShape, contactsShape, tripsShape] as const

export async function startDirectory(
  config: DirectoryConfig,
  overrides: DirectoryOverrides = {},
): Promise<Directory> {
  const { logSink } = overrides
  const log = createLog({
    name: NAME,
    level: config.LOG_LEVEL,
    ...(logSink === undefined ? {} : { sink: logSink }),
  })
  const metrics = createMetrics(NAME)
  const events = createDirectoryEvents(log, metrics)
  const clocks: Clocks = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
  /** New with each start: what an earlier process left is settled as another's. */
  const by = randomUUID()
  const parts = { name: NAME, log, metrics }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const mongo = opened.use(
    await connectMongo({
      ...parts,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
  )
  const [redis, nats] = await Promise.all([
    connectRedis({ ...parts, url: config.REDIS_URL, commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS }),
    connectNats({ ...parts, url: config.NATS_URL, noEcho: true }),
  ])
  opened.use(redis)
  opened.use(nats)
  const publisher = opened.use(
    createJetStreamPublisher(nats, { log, metrics, ackTimeoutMs: LOG_ACK_TIMEOUT_MS }),
  )

  const inStore: InStore = (command) => mongo.run(command, { timeoutMs: MONGO_COMMAND_MS })
  const cache = new Cache(redis, events)
  const freshness = new Freshness()
  const feed = new ChangeFeed(nats, createEventLog(publisher, { source: NAME }), events)
  const ring = config.DIRECTORY_KEYS

  function documents<D extends VersionedDocument>(
    kind: KindName,
    {
      name,
      check,
      remembersAbsence,
    }: { name: string; check: (document: D) => unknown; remembersAbsence: boolean },
  ): CachedDocuments<D> {
    const collection = mongo.db.collection<D>(name)
    const announce = (document: D): Promise<boolean> => feed.announce(kind, document)
    return new CachedDocuments({
      kind,
      collection,
      inStore,
      cache,
      freshness,
      events,
      clocks,
      by,
      announce,
      check,
      remembersAbsence,
    })
  }
  const users = documents<UserDocument>('user', {
    name: usersShape.name,
    check: (document) => openUser(ring, document),
    remembersAbsence: false,
  })
  const contacts = documents<ContactsDocument>('contacts', {
    name: contactsShape.name,
    check: (document) => openContacts(ring, document),
    remembersAbsence: false,
  })
  // Positions come for trips that are not stored yet or never will be, many times a second.
  const trips = documents<TripDocument>('trip', {
    name: tripsShape.name,
    check: openTrip,
    remembersAbsence: true,
  })
  const kinds = { user: users, contacts, trip: trips }
  feed.listen((kind, id, version) => kinds[kind].heard(id, version))

  const settleables = Object.values(kinds).map(
    ({ kind, collection }): Settleable => ({
      kind,
      // Only the fields that all kinds have are looked at.
      collection: collection as unknown as Collection<VersionedDocument>,
      announce: (document) => feed.announce(kind, document),
    }),
  )
  const settler = new Settler({ kinds: settleables, inStore, cache, freshness, events, clocks, by })
  opened.defer(() => settler.idle())

  let hasCollections = false
  async function sweep(): Promise<void> {
    if (!hasCollections) await prepareCollections(mongo)
    hasCollections = true
    await settler.sweep()
  }
  // The first one here, so that the first read may already use the cache; a MongoDB that is away does not stop the start.
  await sweep().catch((error: unknown) => log.warn({ err: error }, 'MongoDB is away at the start'))
  const loop = opened.use(
    startLoop({
      name: 'sweep',
      everyMs: SWEEP_EVERY_MS,
      run: sweep,
      log,
      backoffMaxMs: SWEEP_BACKOFF_MAX_MS,
    }),
  )

  let hasLog = false
  async function prepareLog(signal: AbortSignal): Promise<void> {
    if (hasLog || !nats.isConnected) return
    await ensureStreamExists(nats, eventStreamSpec(LOG_REPLICAS), signal)
    hasLog = true
  }
  opened.use(startLoop({ name: 'operations-log', everyMs: LOG_LOOK_MS, run: prepareLog, log }))

  const rpc = opened.use(
    await startRpcServer({
      ...parts,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register: (add) =>
        add(DirectoryServiceDefinition, createHandlers({ ring, users, contacts, trips, events })),
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      ready: async () => {
        const mongoState = hasCollections ? await mongo.check() : 'its collections are not prepared yet'
        return { stores: mongoState === 'ok' || redis.check() === 'ok' ? 'ok' : 'MongoDB and Redis are away' }
      },
    }),
  )

  const running = opened.move()
  return {
    port: rpc.port,
    opsPort: ops.port,
    async [Symbol.asyncDispose]() {
      await rpc.stop(config.STOP_GRACE_MS)
      await loop.stop()
      await running.disposeAsync()
      log.info('stopped')
    },
  }
}

async function prepareCollections(mongo: MongoLink): Promise<void> {
  for (const shape of SHAPES) await ensureCollection(mongo.db, shape)
}
