/** The composition root of maskcall. */
import { MaskCallServiceDefinition } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { createEventLog } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo, ensureCollection } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { AlertCallStore, alertCallsSpec } from './alert-call-store.ts'
import { AlertCalls } from './alert-calls.ts'
import { Allocator } from './allocator.ts'
import { createAnnouncer } from './announcer.ts'
import { callsSpec } from './call-document.ts'
import { CallLog } from './call-log.ts'
import { CallStore } from './call-store.ts'
import { Calls } from './calls.ts'
import { digestKeysOf } from './claims.ts'
import type { MaskcallConfig } from './config.ts'
import { createDirectory } from './directory.ts'
import { createMaskcallEvents } from './events.ts'
import { createHandlers } from './handlers.ts'
import { Inbound } from './inbound.ts'
import { NumberStore, numbersSpec } from './number-store.ts'
import { Pool } from './pool.ts'
import { createPoolReader } from './pool-reader.ts'
import { PoolWatch } from './pool-watch.ts'
import { ProviderLink } from './provider-link.ts'
import { createVoiceProviders } from './providers/providers.ts'
import type { MaskSession, SessionTimes } from './session.ts'
import { sessionsSpec } from './session-document.ts'
import { SessionStore } from './session-store.ts'
import { Sessions } from './sessions.ts'
import { Sweeper } from './sweeper.ts'
import { listenToTripNews } from './trip-news.ts'
import { Replays, seenSpec } from './webhooks/replays.ts'
import { Webhooks } from './webhooks/webhooks.ts'

export interface Maskcall extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface MaskcallOverrides {
  readonly logSink?: { write(line: string): void }
  /** For tests that own the time; timers go on by the real one. */
  readonly nowMs?: () => number
}

const NAME = 'maskcall'
const SECOND_MS = 1_000
const SWEEP_EVERY_MS = 1_000
const POOL_LOOK_EVERY_MS = 3_000
const BACKOFF_MAX_MS = 5_000
/** Nobody waits for it longer than for a phone to ring: the sweep tells later. */
const PUBLISH_TIMEOUT_MS = 1_000

export async function startMaskcall(
  config: MaskcallConfig,
  overrides: MaskcallOverrides = {},
): Promise<Maskcall> {
  const { logSink, nowMs = Date.now } = overrides
  const log = createLog({
    name: NAME,
    level: config.LOG_LEVEL,
    ...(logSink === undefined ? {} : { sink: logSink }),
  })
  const metrics = createMetrics(NAME)
  const events = createMaskcallEvents(log, metrics)
  const base = { name: NAME, log, metrics }
  const ring = config.MASKCALL_KEYS
  const digestKeys = digestKeysOf(ring)
  const callMaxMs = config.MASKCALL_CALL_MAX_S * SECOND_MS
  const times: SessionTimes = {
    lastsMs: config.MASKCALL_SESSION_MS,
    restMs: config.MASKCALL_REST_MS,
    checkEveryMs: config.MASKCALL_TRIP_CHECK_MS,
  }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const mongo = opened.use(
    await connectMongo({
      ...base,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
  )
  const nats = opened.use(await connectNats({ ...base, url: config.NATS_URL }))
  const publisher = opened.use(
    createJetStreamPublisher(nats, { log, metrics, ackTimeoutMs: PUBLISH_TIMEOUT_MS }),
  )
  const directoryChannel = opened.adopt(
    openRpcChannel({
      address: config.DIRECTORY_ADDR,
      peer: peerCredential(NAME, config.HUSHRYD_PEER_KEY),
    }),
    (channel) => channel.close(),
  )

  const providers = createVoiceProviders(
    config,
    { ringS: config.MASKCALL_RING_S, callMaxS: config.MASKCALL_CALL_MAX_S },
    log,
  )
  const links = providers.map(
    (provider) =>
      new ProviderLink(provider, {
        failuresMax: config.MASKCALL_BREAKER_FAILURES,
        openMs: config.MASKCALL_BREAKER_OPEN_MS,
        timeoutMs: config.MASKCALL_PROVIDER_TIMEOUT_MS,
        events,
      }),
  )
  const eventLog = createEventLog(publisher, { source: NAME })
  const directory = createDirectory(directoryChannel, metrics)
  const sessionStore = new SessionStore(mongo)
  const callStore = new CallStore(mongo)
  const numbers = new NumberStore(mongo)
  const pool = new Pool(config.MASKCALL_PLACES_PER_NUMBER)
  const poolWatch = new PoolWatch({
    pool,
    numbers,
    sessions: sessionStore,
    eventLog,
    events,
    providers: providers.map(({ name }) => name),
    lowPercent: config.MASKCALL_POOL_LOW_PERCENT,
    nowMs,
  })
  const sessions = new Sessions({
    store: sessionStore,
    allocator: new Allocator({
      pool,
      digestKeys,
      heldOf: (claims) => sessionStore.heldOf(claims),
      refresh: () => poolWatch.refresh(),
      events,
    }),
    directory,
    ring,
    times,
    providersByHealth: () => byHealth(links).map(({ provider }) => provider.name),
    events,
    nowMs,
  })
  const readPool = createPoolReader({
    numbers,
    sessions: sessionStore,
    placesPerNumber: config.MASKCALL_PLACES_PER_NUMBER,
    lowPercent: config.MASKCALL_POOL_LOW_PERCENT,
    nowMs,
  })
  const callLog = new CallLog({
    store: callStore,
    sessions: sessionStore,
    announcer: createAnnouncer({ eventLog, nats }),
    events,
    callMaxMs,
    nowMs,
  })
  const answering = {
    sessions,
    sessionStore,
    callLog,
    ring,
    isRecordingOn: config.MASKCALL_RECORDING,
    events,
    nowMs,
  }
  const calls = new Calls({ ...answering, linksByHealth: (session) => byHealth(links, session) })
  const alertCalls = new AlertCalls({
    directory,
    store: new AlertCallStore(mongo),
    linksByHealth: () => byHealth(links),
    numberOf: (provider) => pool.guess(pool.candidates(provider, undefined), Math.random)?.number,
    events,
    nowMs,
  })
  const inbound = new Inbound({ ...answering, digestKeys })
  const webhooks = new Webhooks({ providers, inbound, callLog, replays: new Replays(mongo), events })
  const sweeper = new Sweeper({ sessions, sessionStore, callLog, callStore, events, nowMs })

  let isPrepared = false
  async function prepare(): Promise<void> {
    if (isPrepared) return
    for (const spec of [sessionsSpec, callsSpec, numbersSpec, seenSpec, alertCallsSpec])
      await ensureCollection(mongo.db, spec)
    await numbers.seed(config.MASKCALL_NUMBERS)
    isPrepared = true
  }
  const loop = (name: string, everyMs: number, run: (signal: AbortSignal) => Promise<void>): void => {
    const prepared = async (signal: AbortSignal): Promise<void> => {
      await prepare()
      await run(signal)
    }
    opened.use(startLoop({ name, everyMs, run: prepared, log, backoffMaxMs: BACKOFF_MAX_MS }))
  }
  // A store that is away does not stop the start: the loops go on trying.
  await prepare()
    .then(() => poolWatch.refresh())
    .catch((error: unknown) => log.warn({ err: error }, 'MongoDB is away at the start'))
  loop('sweep', SWEEP_EVERY_MS, (signal) => sweeper.sweep(signal))
  loop('pool', POOL_LOOK_EVERY_MS, () => poolWatch.look())

  const follow = (work: Promise<void>): void => {
    // The sweep makes up for it.
    work.catch((error: unknown) => log.warn({ err: error }, 'the news of a trip could not be followed'))
  }
  opened.use(
    listenToTripNews(nats, {
      changed: (tripId, version) => follow(sessions.tripChanged(tripId, version)),
      ended: (tripId) => follow(sessions.tripEnded(tripId)),
    }),
  )

  const rpc = opened.use(
    await startRpcServer({
      ...base,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register: (add) =>
        add(
          MaskCallServiceDefinition,
          createHandlers({
            sessions,
            sessionStore,
            readPool,
            calls,
            alertCalls,
            callStore,
            directory,
            webhooks,
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
      // Without NATS calls go on: events are told later.
      ready: async () => ({
        mongo: isPrepared ? await mongo.check() : 'its collections are not prepared yet',
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

/** Those that work first, and of them the one whose number the session has; the others last, for want of better. */
function byHealth(links: readonly ProviderLink[], session?: MaskSession): readonly ProviderLink[] {
  const rank = ({ isCutOff, provider }: ProviderLink): number => {
    const place = session?.numbers.findIndex((number) => number.provider === provider.name) ?? 0
    return (isCutOff ? links.length + 1 : 0) + (place < 0 ? links.length : place)
  }
  return links.toSorted((one, other) => rank(one) - rank(other))
}
