/** The composition root of sos. */
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createEventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { openRedisPipe } from '@hushryd/kernel/stores/redis-pipe.ts'
import type { EscalationTimes } from './alert.ts'
import { AlertStore } from './alert-store.ts'
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
import { OpenBatches } from './open-batches.ts'
import { Outcomes } from './outcomes.ts'
import { PinStore } from './pin-store.ts'
import { RaisedLog } from './raised-log.ts'
import { Recent } from './recent.ts'
import { Reconciler } from './reconciler.ts'
import { Settlement } from './settlement.ts'
import { ShareLinks } from './share-links.ts'
import { openStores } from './stores.ts'
import { StreamWorker } from './stream-worker.ts'
import type { Change } from './tell.ts'
import { Teller } from './teller.ts'
import { Tracking } from './tracking.ts'
import { createTrailFinder } from './trail.ts'
import { createAnnouncer, VoiceCalls } from './voice-calls.ts'
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

  const stores = opened.use(await openStores(config, { ...parts, namespace }))
  const { intake: forAlerts, rest } = stores
  const { nats, publisher } = rest
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
  const intakeBatches = new OpenBatches(forAlerts.mongo, isDone)
  const intakeStore = new AlertStore(forAlerts.mongo, intakeBatches)
  const batches = new OpenBatches(rest.mongo, isDone)
  const store = new AlertStore(rest.mongo, batches)
  const notifierOptions = { channel: notify, metrics, ring: config.NOTIFY_KEYS, namespace, clock }
  const intakeNotifier = new Notifier({ ...notifierOptions, publisher: forAlerts.publisher })
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
    publisher: forAlerts.publisher,
    eventLog: createEventLog(forAlerts.publisher, { source: NAME }),
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

  const pins = new PinStore({ mongo: rest.mongo, ring: config.SOS_KEYS, nowMs })
  const desk = new Desk({ store, pins, times, clock, isInFlight, onNews })
  const outcomes = new Outcomes({ store, onNews: (change) => void onNews(change) })
  const { MASKCALL_ADDR } = config
  const voiceCalls =
    MASKCALL_ADDR === undefined
      ? undefined
      : new VoiceCalls({
          announce: createAnnouncer(open(MASKCALL_ADDR), metrics),
          outcomes,
          onFailed: ({ alertId, userId, tripId }) =>
            teller.record({
              eventId: `sos:${alertId}:${userId}:call_failed`,
              type: 'sos.call_failed',
              severity: Severity.WARNING,
              alertId,
              userId,
              tripId,
            }),
        })
  const background = startBackground({
    nats,
    store,
    batches,
    streamWorker: new StreamWorker({
      store,
      isInFlight,
      isOwn: (alertId, userId) => recent.isOf(alertId, userId),
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
        const { alertId, userId, tripId } = alert
        void teller.record({
          eventId: `sos:${alertId}:escalated:stream:${step}`,
          type: 'sos.escalated',
          severity: Severity.CRITICAL,
          alertId,
          userId,
          tripId,
          data: { escalations: step },
        })
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
    outcomes,
    voiceCalls,
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
      ready: async () => ({ stores: await stores.check() }),
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
