/** The composition root of sos. */
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createEventLog, eventStreamSpec } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createJetStreamPublisher, ensureStream } from '@hushryd/kernel/stores/jetstream.ts'
import { connectMongo, ensureCollection } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { openRedisPipe } from '@hushryd/kernel/stores/redis-pipe.ts'
import type { EscalationTimes } from './alert.ts'
import { alertsSpec } from './alert-document.ts'
import { AlertStore } from './alert-store.ts'
import { streamSpec } from './alert-stream.ts'
import { startBackground } from './background.ts'
import type { SosConfig } from './config.ts'
import { Desk } from './desk.ts'
import { Escalator } from './escalator.ts'
import { createSosEvents, inFlightMetric, untoldMetric } from './events.ts'
import { createHandlers } from './handlers.ts'
import { Intake } from './intake.ts'
import { createLane } from './lane-handler.ts'
import { LegFailures } from './leg-failures.ts'
import { createLegs } from './legs.ts'
import { Notifier } from './notifier.ts'
import { OpenBatches, openBatchesSpec } from './open-batches.ts'
import { Outcomes } from './outcomes.ts'
import { PinStore, pinsSpec } from './pin-store.ts'
import { RaisedLog } from './raised-log.ts'
import { Recent } from './recent.ts'
import { Reconciler } from './reconciler.ts'
import { Settlement } from './settlement.ts'
import { ShareLinks } from './share-links.ts'
import { StreamWorker } from './stream-worker.ts'
import type { Change } from './tell.ts'
import { Teller } from './teller.ts'
import { Tracking } from './tracking.ts'
import { createTrailFinder } from './trail.ts'
import { Watch } from './watch.ts'

export interface Sos extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface SosOverrides {
  readonly logSink?: { write(line: string): void }
  /** Before the names of streams and subjects: for tests that share a server. */
  readonly namespace?: string
}

const NAME = 'sos'
const LOOKUP_TIMEOUT_MS = 2_000
const PREPARE_AGAIN_MS = 1_000
/** A leg does not wait longer for an acknowledgement than this, far beyond its budget. */
const ACK_TIMEOUT_MS = 3_000
/** Two events and messages for each alert of the largest batches that are under way at once. */
const IN_FLIGHT_MAX = 100_000

export async function startSos(config: SosConfig, overrides: SosOverrides = {}): Promise<Sos> {
  const { logSink: sink, namespace = '' } = overrides
  const log = createLog({ name: NAME, level: config.LOG_LEVEL, ...(sink === undefined ? {} : { sink }) })
  const metrics = createMetrics(NAME)
  const events = createSosEvents(log, metrics)
  const clock = systemClock
  const nowMs = (): number => clock.nowMs()
  const parts = { name: NAME, log, metrics }
  const times: EscalationTimes = {
    firstAfterMs: config.SOS_ESCALATE_AFTER_MS,
    repeatMs: config.SOS_ESCALATE_AGAIN_MS,
    quietMs: config.SOS_QUIET_MS,
  }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  // Alerts have connections of their own: neither lists nor escalations stand before them in a line.
  const mongoOptions = { ...parts, url: config.MONGO_URL, db: config.MONGO_DB }
  const natsOptions = { ...parts, url: config.NATS_URL }
  const [intakeMongo, mongo, intakeNats, nats] = await Promise.all([
    connectMongo({ ...mongoOptions, name: `${NAME}-intake` }),
    connectMongo({ ...mongoOptions, maxPoolSize: config.MONGO_POOL_MAX }),
    connectNats({ ...natsOptions, name: `${NAME}-intake` }),
    connectNats(natsOptions),
  ])
  for (const link of [intakeMongo, mongo, intakeNats, nats]) opened.use(link)
  const publisherOptions = { log, metrics, ackTimeoutMs: ACK_TIMEOUT_MS }
  const intakePublisher = opened.use(
    createJetStreamPublisher(intakeNats, { ...publisherOptions, inFlightMax: IN_FLIGHT_MAX }),
  )
  const publisher = opened.use(createJetStreamPublisher(nats, publisherOptions))
  const open = (address: string) =>
    opened.adopt(
      openRpcChannel({ address, peer: peerCredential(NAME, config.HUSHRYD_PEER_KEY) }),
      (channel) => channel.close(),
    )
  const notify = open(config.NOTIFY_ADDR)
  const rpcOptions = { timeoutMs: LOOKUP_TIMEOUT_MS, metrics }
  const directory = createRpcClient(DirectoryServiceDefinition, open(config.DIRECTORY_ADDR), rpcOptions)
  const location = createRpcClient(LocationServiceDefinition, open(config.LOCATION_ADDR), rpcOptions)

  const recent = new Recent()
  const isDone = (alertId: string): boolean => recent.has(alertId)
  const intakeBatches = new OpenBatches(intakeMongo, isDone)
  const intakeStore = new AlertStore(intakeMongo, intakeBatches)
  const batches = new OpenBatches(mongo, isDone)
  const store = new AlertStore(mongo, batches)
  const notifierOptions = { channel: notify, metrics, ring: config.NOTIFY_KEYS, namespace, clock }
  const intakeNotifier = new Notifier({ ...notifierOptions, publisher: intakePublisher })
  const notifier = new Notifier({ ...notifierOptions, publisher })
  const send = notifier.send.bind(notifier)

  const teller = new Teller({
    nats,
    eventLog: createEventLog(publisher, { source: NAME }),
    clock,
    namespace,
    onUntold: events.untold,
  })
  metrics.gauge(untoldMetric, () => teller.untold)
  async function onNews(change: Change): Promise<void> {
    events.changed(change.alert, change.news)
    await teller.tell(change)
  }
  const redis = opened.use(openRedisPipe({ url: config.REDIS_URL, log, onReady: () => links.onReady() }))
  const links: ShareLinks = new ShareLinks({
    redis,
    timeoutMs: config.REDIS_COMMAND_TIMEOUT_MS,
    ring: config.SOS_KEYS,
    publicUrl: config.PUBLIC_URL,
    nowMs,
    onPut: events.linksPut,
  })
  const tracking = new Tracking({
    nats,
    clock,
    random: Math.random,
    async findPeople(tripId) {
      const { driverId, passengerIds } = await directory.getTrip({ tripId })
      return [driverId, ...passengerIds]
    },
    onFailed: (tripId, error) => log.debug({ err: error, tripId }, 'a trip could not be asked for positions'),
  })
  opened.defer(tracking.follow())
  const watch = new Watch({
    nats,
    store,
    namespace,
    clock,
    onFailed: (error) => events.failed('changed alerts could not be read', error),
  })
  opened.defer(watch.listen())

  const legFailures = new LegFailures({ record: (event) => teller.record(event), nowMs })
  const raisedLog = new RaisedLog(log)
  const settlement = new Settlement({
    batches: intakeBatches,
    nowMs,
    onEnded(entry) {
      raisedLog.add(entry)
      if (entry.earlier === undefined) tracking.want([entry.alert])
    },
    onStoredLate: (alert) => void onNews({ news: 'stored', alert, atMs: nowMs() }),
    onFailed: (error) => events.failed('open batches could not be closed', error),
  })
  const legs = createLegs({
    publisher: intakePublisher,
    eventLog: createEventLog(intakePublisher, { source: NAME }),
    store: intakeStore,
    notifier: intakeNotifier,
    links,
    teller,
    clock,
    namespace,
  })
  const intake = new Intake({
    legs: legs.work,
    recent,
    times,
    answerMs: config.SOS_ANSWER_MS,
    clock,
    monotonicMs: () => performance.now(),
    events: events.intake,
    onLegFailed(leg, entries, error) {
      events.legFailed(leg, entries, error)
      legFailures.note(leg, entries)
    },
    onEnded: (entry) => settlement.ended(entry),
  })
  metrics.gauge(inFlightMetric, () => intake.inFlight)
  const isInFlight = (alertId: string): boolean => intake.isInFlight(alertId)

  const prepared = { mongo: false, streams: false }
  async function prepare(signal: AbortSignal): Promise<void> {
    await Promise.all([
      (async () => {
        if (prepared.mongo) return
        for (const spec of [openBatchesSpec, alertsSpec, pinsSpec]) await ensureCollection(mongo.db, spec)
        prepared.mongo = true
      })(),
      (async () => {
        if (prepared.streams) return
        const replicas = config.SOS_STREAM_REPLICAS
        await ensureStream(nats, streamSpec({ namespace, replicas }), signal)
        await ensureStream(nats, eventStreamSpec(replicas), signal)
        prepared.streams = true
      })(),
    ])
  }
  const isPrepared = (): boolean => prepared.mongo && prepared.streams
  // A store that is away does not stop the start: the other one takes alerts.
  await prepare(AbortSignal.timeout(PREPARE_AGAIN_MS)).catch((error: unknown) =>
    log.warn({ err: error }, 'not all stores are prepared at the start; trying on'),
  )
  opened.use(
    startLoop({
      name: 'prepare',
      everyMs: PREPARE_AGAIN_MS,
      backoffMaxMs: PREPARE_AGAIN_MS,
      log,
      run: (signal) => (isPrepared() ? undefined : prepare(signal)),
    }),
  )

  const pins = new PinStore({ mongo, ring: config.SOS_KEYS, nowMs })
  const desk = new Desk({ store, pins, times, clock, isInFlight, onNews })
  const background = startBackground({
    nats,
    store,
    batches,
    streamWorker: new StreamWorker({
      store,
      recent,
      isInFlight,
      times,
      send,
      clock,
      onStored(alerts) {
        events.reconciled('stream', alerts.length)
        for (const alert of alerts) void onNews({ news: 'stored', alert, atMs: nowMs() })
        tracking.want(alerts)
      },
      onEscalated(alert, step) {
        events.escalatedFromStream(alert, step)
      },
      onForeign: events.foreign,
    }),
    reconciler: new Reconciler({
      store,
      batches,
      run: createLegs({
        publisher,
        eventLog: createEventLog(publisher, { source: NAME }),
        store,
        notifier,
        links,
        teller,
        clock,
        namespace,
      }).run,
      call: (messages) => notifier.call(messages),
      links,
      clock,
      onFinished: (alerts) => events.reconciled('database', alerts),
    }),
    escalator: new Escalator({
      store,
      send,
      times,
      clock,
      onEscalated: (alert) => void onNews({ news: 'escalated', alert, atMs: nowMs() }),
    }),
    outcomes: new Outcomes({ store, onNews: (change) => void onNews(change) }),
    tracking,
    links,
    teller,
    legFailures,
    watch,
    events,
    log,
    clock,
    namespace,
  })
  opened.defer(async () => {
    await Promise.all(background.map((loop) => loop.stop()))
  })
  const rpc = opened.use(
    await startRpcServer({
      ...parts,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register: (add) =>
        add(
          SosServiceDefinition,
          createHandlers({
            intake,
            lane: createLane({ intake, log, nowMs }),
            desk,
            store,
            pins,
            watch,
            findTrail: createTrailFinder({ location, log }),
            nowMs,
          }),
        ),
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      ready: async () => {
        const mongoState = prepared.mongo ? await mongo.check() : 'its collections are not prepared yet'
        const natsState = prepared.streams ? nats.check() : 'its streams are not prepared yet'
        const hasOne = mongoState === 'ok' || natsState === 'ok'
        return { stores: hasOne ? 'ok' : `MongoDB: ${mongoState}; NATS: ${natsState}` }
      },
    }),
  )

  const running = opened.move()
  return {
    port: rpc.port,
    opsPort: ops.port,
    async [Symbol.asyncDispose]() {
      await rpc.stop(config.STOP_GRACE_MS)
      await intake.idle()
      await settlement.idle()
      await running.disposeAsync()
      log.info('stopped')
    },
  }
}
