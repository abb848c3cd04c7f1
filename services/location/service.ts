/** The composition root of the location service. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createEventLog } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import { connectRedis } from '@hushryd/kernel/stores/redis.ts'
import { openRedisPipe } from '@hushryd/kernel/stores/redis-pipe.ts'
import { Settlements } from './batch.ts'
import type { LocationConfig } from './config.ts'
import { createTripFinder } from './directory.ts'
import { createLocationEvents, FEED_WAITING, LANES_OPEN, TRIPS_CACHED } from './events.ts'
import { type Feed, openFeed } from './feed.ts'
import type { Fix, SpeedRule } from './fix.ts'
import { createFleetWatch, type FleetWatch } from './fleet-watch.ts'
import { startFlusher } from './flush.ts'
import { endTrip, type OnMoved } from './followers.ts'
import { createForeignFixes } from './foreign-fixes.ts'
import { createHandlers } from './handlers.ts'
import { createHistoryFinder } from './history-store.ts'
import { Intake } from './intake.ts'
import { ServedLocationDefinition } from './lane-definition.ts'
import { createLanes } from './lane-handler.ts'
import { createLiveReader } from './live-reader.ts'
import { createLiveStore, SCRIPTS } from './live-store.ts'
import { keepLocationStream } from './location-stream.ts'
import { createSilenceStore } from './silence.ts'
import { createSnapshotReader } from './snapshot.ts'
import { sweepStale } from './stale-sweep.ts'
import { TripIndex } from './trip-index.ts'
import { listenToTripNews } from './trip-news.ts'
import { Trips } from './trips.ts'

export interface Location extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface LocationOverrides {
  readonly logSink?: { write(line: string): void }
}

const NAME = 'location'
const TRIPS_SWEEP_MS = 1_000
/** Trips asked for again in one sweep: 100,000 trips take some three minutes. */
const REFRESHES_MAX = 500
/** A join waits for the history at most this long, and then goes on without it. */
const HISTORY_TIMEOUT_MS = 2_000

export async function startLocation(
  config: LocationConfig,
  { logSink }: LocationOverrides = {},
): Promise<Location> {
  const clock = systemClock
  const log = createLog({
    name: NAME,
    level: config.LOG_LEVEL,
    ...(logSink === undefined ? {} : { sink: logSink }),
  })
  const metrics = createMetrics(NAME)
  const events = createLocationEvents(log, metrics)
  const parts = { name: NAME, log, metrics }
  const partitions = config.LOCATION_PARTITIONS
  const rule: SpeedRule = {
    speedMaxMps: config.LOCATION_SPEED_MAX_MPS,
    reanchorAfter: config.LOCATION_REANCHOR_AFTER,
  }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const [redis, nats, mongo] = await Promise.all([
    connectRedis({ ...parts, url: config.REDIS_URL, commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS }),
    connectNats({ ...parts, url: config.NATS_URL, noEcho: true }),
    connectMongo({
      ...parts,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
  ])
  opened.use(redis)
  opened.use(nats)
  opened.use(mongo)
  const pipe = opened.use(openRedisPipe({ url: config.REDIS_URL, log, scripts: SCRIPTS }))
  opened.use(keepLocationStream({ link: nats, config, log }))
  const publisher = opened.use(createJetStreamPublisher(nats, { log, metrics }))
  const directory = openRpcChannel({
    address: config.DIRECTORY_ADDR,
    peer: peerCredential(NAME, config.HUSHRYD_PEER_KEY),
  })
  opened.defer(() => directory.close())

  const reader = createLiveReader(redis.raw)
  const snapshots = createSnapshotReader(reader, createHistoryFinder(mongo, HISTORY_TIMEOUT_MS), clock)
  const index = new TripIndex(clock)
  const trips: Trips = new Trips({
    findTrip: createTripFinder(directory, metrics, config.LOCATION_LOOKUP_TIMEOUT_MS),
    // Without Redis the speed rule begins anew, and the first report tells where the driver is.
    findLatest: (tripId) => reader.findLatest(tripId).catch(() => []),
    onEnded(trip) {
      endTrip(trip)
      ended(trip.tripId)
    },
    clock,
    partitions,
    lookupTimeoutMs: config.LOCATION_LOOKUP_TIMEOUT_MS,
  })
  const onMoved: OnMoved = ({ trip }) => fleet.moved(trip)
  const feed: Feed = opened.use(
    openFeed({
      link: nats,
      publishStored: (subject, data, options) => publisher.publish(subject, data, options),
      podId: randomUUID(),
      onMessage: createForeignFixes({
        trips,
        isFleetWatched: () => fleet.isWatched,
        onMoved,
        onDelivered: () => lanes.wakeAll(),
        events,
        clock,
      }),
      events,
      log,
      waitingMax: config.LOCATION_FEED_WAITING_MAX,
      waitingBytesMax: config.LOCATION_FEED_WAITING_BYTES_MAX,
    }),
  )
  const fleet: FleetWatch = opened.use(createFleetWatch({ trips, reader, feed, partitions }))
  const settlements = new Settlements()
  const intake = new Intake({ trips, rule, events })
  const lanes = createLanes({ intake, trips, settlements, snapshots, feed, clock, log, partitions })
  const awaited = new Map<Fix, () => void>()
  opened.use(
    startFlusher({
      windowMs: config.LOCATION_WINDOW_MS,
      intake,
      store: createLiveStore(pipe, index, clock),
      index,
      publish: (partition, messages) => feed.publish(partition, messages),
      settlements,
      rule,
      events,
      log,
      onMoved,
      onStored: (fix) => awaited.get(fix)?.(),
      onDelivered: () => lanes.wakeAll(),
    }),
  )

  function ended(tripId: string): void {
    index.end(tripId)
    fleet.ended(tripId)
  }
  opened.use(
    listenToTripNews(nats, {
      changed: (tripId) => trips.invalidate(tripId),
      started: (tripId) => index.start(tripId),
      ended(tripId) {
        trips.end(tripId)
        // Also where this pod does not know the trip: the one that did may be gone.
        ended(tripId)
      },
      missed() {
        trips.expireAll()
        fleet.restart()
      },
    }),
  )
  opened.use(
    startLoop({
      name: 'trips-sweep',
      everyMs: TRIPS_SWEEP_MS,
      run: () => trips.sweep(REFRESHES_MAX),
      log,
    }),
  )
  const silences = createSilenceStore(redis)
  const eventLog = createEventLog(publisher, { source: NAME })
  opened.use(
    startLoop({
      name: 'stale-sweep',
      everyMs: config.LOCATION_STALE_SWEEP_MS,
      run: () =>
        sweepStale({
          silences,
          trips,
          staleAfterMs: config.LOCATION_STALE_AFTER_MS,
          isConnected: () => nats.isConnected && redis.isReady,
          eventLog,
          push: (tripId, event) => nats.publish(`push.trip.${subjectToken(tripId)}`, event),
          events,
          clock,
        }),
      log,
    }),
  )
  metrics.gauge(TRIPS_CACHED, () => trips.size)
  metrics.gauge(LANES_OPEN, () => lanes.count)
  metrics.gauge(FEED_WAITING, () => feed.waiting)

  const handlers = createHandlers({
    intake,
    trips,
    settlements,
    reader,
    snapshots,
    feed,
    fleet,
    clock,
    awaited,
  })
  const rpc = opened.use(
    await startRpcServer({
      ...parts,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register: (add) => add(ServedLocationDefinition, { ...handlers, connect: lanes.connect }),
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      // With one of them positions still flow; with neither this pod is alone with its own edges.
      ready: async () => ({
        stores: redis.isReady || nats.isConnected ? 'ok' : 'Redis and NATS are away',
      }),
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
