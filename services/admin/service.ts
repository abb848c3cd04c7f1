/** The composition root of admin. */
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { connectMongo, ensureCollection } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { connectRedis } from '@hushryd/kernel/stores/redis.ts'
import type { TsProtoServiceDefinition } from 'nice-grpc'
import { Archive } from './archive.ts'
import { archiveSpec } from './archive-document.ts'
import { Archiver } from './archiver.ts'
import type { AdminConfig } from './config.ts'
import { createAdminEvents } from './events.ts'
import { Follower } from './follower.ts'
import { createHandlers } from './handlers.ts'
import { countUnarchived, keepStream } from './log-keeper.ts'
import { LogStream } from './log-stream.ts'
import { createOverview } from './overview/overview.ts'
import { READ_TIMEOUT_MS } from './overview/part.ts'
import { clientDefinitions } from './overview/sources.ts'
import { createRecorder } from './recorder.ts'
import { createSearch } from './search.ts'
import { Watch } from './watch.ts'
import { ServedAdminDefinition } from './wire.ts'

export interface Admin extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface AdminOverrides {
  readonly logSink?: { write(line: string): void }
}

const NAME = 'admin'
const FOLLOW_AGAIN_MS = 50
const TICK_MS = 1_000
const LAG_EVERY_MS = 5_000
const BACKOFF_MAX_MS = 1_000
/** The set of trips that the location service keeps for the nearby search. */
const ACTIVE_TRIPS_KEY = 'active_trips_geo'

export async function startAdmin(config: AdminConfig, overrides: AdminOverrides = {}): Promise<Admin> {
  const { logSink: sink } = overrides
  const log = createLog({ name: NAME, level: config.LOG_LEVEL, ...(sink === undefined ? {} : { sink }) })
  const metrics = createMetrics(NAME)
  const events = createAdminEvents(log, metrics)
  const clock = systemClock
  const monotonicMs = (): number => performance.now()
  const parts = { name: NAME, log, metrics }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const [mongo, nats, redis] = await Promise.all([
    connectMongo({
      ...parts,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
    connectNats({ ...parts, url: config.NATS_URL }),
    connectRedis({ ...parts, url: config.REDIS_URL, commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS }),
  ])
  opened.use(mongo)
  opened.use(nats)
  opened.use(redis)
  const peer = peerCredential(NAME, config.HUSHRYD_PEER_KEY)
  function client<S extends TsProtoServiceDefinition>(definition: S, address: string) {
    const channel = opened.adopt(openRpcChannel({ address, peer }), (open) => open.close())
    return createRpcClient(definition, channel, { timeoutMs: READ_TIMEOUT_MS, metrics })
  }

  const stream = new LogStream(nats)
  const follower: Follower = new Follower({
    stream,
    monotonicMs,
    onAppended: () => watch.appended(),
    onRestarted() {
      watch.restart()
      events.restarted()
    },
    onUnreadable: events.unreadable,
  })
  const watch: Watch = new Watch({ follower, stream, clock, monotonicMs, onBegun: events.watchBegun })
  const spec = archiveSpec(config.ADMIN_ARCHIVE_DAYS)
  const archive = new Archive(mongo, spec.name)
  const archiver = new Archiver({
    link: nats,
    archive,
    state: () => stream.state(),
    onStored: events.archived,
    onRefused: events.archiveRefused,
  })
  events.watch({
    lastSequence: () => follower.log?.tail.last ?? 0,
    isAlive: () => follower.isAlive,
    watchers: () => watch.watchers,
  })

  const isPrepared = { stream: false, collection: false }
  const size = { replicas: config.ADMIN_STREAM_REPLICAS, bytesMax: config.ADMIN_STREAM_BYTES_MAX }
  async function followLog(signal: AbortSignal): Promise<void> {
    if (!isPrepared.stream) await keepStream(nats, size, signal)
    isPrepared.stream = true
    await follower.run(signal)
  }
  async function archiveLog(signal: AbortSignal): Promise<void> {
    if (!isPrepared.collection) await ensureCollection(mongo.db, spec)
    isPrepared.collection = true
    if (isPrepared.stream) await archiver.run(signal)
  }
  const loop = (name: string, everyMs: number, run: (signal: AbortSignal) => Promise<void> | void): void => {
    opened.use(startLoop({ name, everyMs, run, log, backoffMaxMs: BACKOFF_MAX_MS }))
  }
  loop('follow', FOLLOW_AGAIN_MS, followLog)
  loop('archive', FOLLOW_AGAIN_MS, archiveLog)
  loop('tick', TICK_MS, () => watch.tick())
  loop('lag', LAG_EVERY_MS, async () => {
    if (nats.isConnected && isPrepared.stream) events.unarchived(await countUnarchived(nats))
  })

  const overview = createOverview({
    clients: {
      sos: client(clientDefinitions.sos, config.SOS_ADDR),
      notify: client(clientDefinitions.notify, config.NOTIFY_ADDR),
      maskcall: client(clientDefinitions.maskcall, config.MASKCALL_ADDR),
      docs: client(clientDefinitions.docs, config.DOCS_ADDR),
      edge: client(clientDefinitions.edge, config.EDGE_ADDR),
    },
    nats,
    countTrips: () => redis.run((commands) => commands.zcard(ACTIVE_TRIPS_KEY)),
    async readLog() {
      const [{ first, last }, unarchived] = await Promise.all([stream.state(), countUnarchived(nats)])
      return { firstSequence: first, lastSequence: last, unarchived }
    },
    watchers: () => watch.watchers,
    nowMs: () => clock.nowMs(),
    onFailed: events.partFailed,
  })
  const rpc = opened.use(
    await startRpcServer({
      ...parts,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register: (add) =>
        add(
          ServedAdminDefinition,
          createHandlers({
            record: createRecorder({ stream, onRecorded: events.recorded }),
            search: createSearch({ archive, logId: async () => (await stream.state()).logId }),
            watch,
            overview,
          }),
        ),
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      // Once it has read the log it stays ready: with NATS away there are still the archive and the overview.
      ready: async () => ({ log: follower.log === undefined ? 'is not read yet' : 'ok' }),
    }),
  )

  const running = opened.move()
  return {
    port: rpc.port,
    opsPort: ops.port,
    async [Symbol.asyncDispose]() {
      await rpc.stop(config.STOP_GRACE_MS)
      await running.disposeAsync()
      log.info('stopped')
    },
  }
}
