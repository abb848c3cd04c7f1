/** The composition root of an edge node. */
import { fileURLToPath } from 'node:url'
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { EdgeServiceDefinition } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { SessionServiceDefinition } from '@hushryd/gen/hushryd/edge/v1/session.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createEventLog } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { connectRedis } from '@hushryd/kernel/stores/redis.ts'
import { createCallBridge } from './bridge/call.ts'
import { createChannelOf } from './channels.ts'
import type { EdgeConfig } from './config.ts'
import { Connections } from './connections.ts'
import { createEdgeHandlers } from './edge-handlers.ts'
import { createEvents } from './events.ts'
import { LOOK_EVERY_MS } from './fleet.ts'
import { startHttpServer } from './http-server.ts'
import { LinkStore } from './link-store.ts'
import { LoadBoard } from './load.ts'
import { createAuthenticator } from './rest/authenticate.ts'
import { createRestHandler } from './rest/handler.ts'
import { createOpenStreams } from './rest/open-streams.ts'
import type { Mount } from './rest/pages.ts'
import { createRateLimiter } from './rest/rate-limit.ts'
import { Revocations } from './revocations.ts'
import { createSessionHandlers } from './session-handlers.ts'
import { SessionStore } from './session-store.ts'
import { createSessions } from './sessions.ts'
import { startSockets } from './sockets.ts'
import { SosLane, TRIGGER_METHOD } from './sos-lane.ts'

export interface Edge extends AsyncDisposable {
  readonly httpPort: number
  readonly grpcPort: number
  readonly opsPort: number
}

export interface EdgeOverrides {
  readonly logSink?: { write(line: string): void }
}

const NAME = 'edge'
const LOOPBACK = '127.0.0.1'
const GET_TRIP_TIMEOUT_MS = 2_000
/** Never used: a stream has no deadline. */
const STREAM_ONLY_MS = 1_000
const TICK_MS = 100
const REVOCATION_LOOK_MS = 1_000
/** Positions that the location service has not acknowledged are waited for when the node stops. */
const SETTLE_MS_MAX = 2_000
/** What the loops need, such as Redis, is tried again at least this often. */
const BACKOFF_MAX_MS = 2_000

function pagesOf({ EDGE_DOCUMENT_ORIGINS, EDGE_PAGE_ENDPOINTS, EDGE_TEST_ALERT_URL }: EdgeConfig): Mount[] {
  const built = (workspace: string): Mount => ({
    path: `/${workspace}`,
    directory: fileURLToPath(new URL(`../${workspace}/dist`, import.meta.url)),
    workspace,
  })
  const settings = { endpoints: EDGE_PAGE_ENDPOINTS, testAlertUrl: EDGE_TEST_ALERT_URL ?? '' }
  return [built('live'), { ...built('admin'), fileOrigins: EDGE_DOCUMENT_ORIGINS, settings }]
}

export async function startEdge(config: EdgeConfig, overrides: EdgeOverrides = {}): Promise<Edge> {
  const { logSink: sink } = overrides
  const log = createLog({ name: NAME, level: config.LOG_LEVEL, ...(sink === undefined ? {} : { sink }) })
  const metrics = createMetrics(NAME)
  const events = createEvents(metrics)
  const clock = systemClock
  const startedAt = clock.nowMs()
  const parts = { name: `${NAME} ${config.EDGE_ID}`, log, metrics }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const [redis, nats] = await Promise.all([
    connectRedis({
      ...parts,
      url: config.REDIS_URL,
      commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS,
      autoPipelining: true,
    }),
    connectNats({ ...parts, url: config.NATS_URL }),
  ])
  opened.use(redis)
  opened.use(nats)
  const publisher = opened.use(createJetStreamPublisher(nats, { log, metrics }))
  const eventLog = createEventLog(publisher, { source: NAME })
  const board = new LoadBoard(redis)
  const peer = peerCredential(NAME, config.HUSHRYD_PEER_KEY)
  const open = (address: string, channels = 1): RpcChannel =>
    opened.adopt(openRpcChannel({ address, peer, channels }), (channel) => channel.close())
  const directoryChannel = open(config.DIRECTORY_ADDR)
  const locations = config.LOCATION_ADDR.map((address) => open(address, config.LANE_CHANNELS))
  const directory = createRpcClient(DirectoryServiceDefinition, directoryChannel, {
    timeoutMs: GET_TRIP_TIMEOUT_MS,
    metrics,
  })
  const getTrip = (tripId: string) => directory.getTrip({ tripId })

  const connections = new Connections()
  const streams = createOpenStreams(metrics)
  const store = new SessionStore(redis)
  const revocations = new Revocations({
    connections,
    revokedSince: (sinceMs) => store.revokedSince(sinceMs),
    isNatsConnected: () => nats.isConnected,
    onRevoked: (userId, isRevoked) => streams.revoke(userId, isRevoked),
    clock,
  })
  revocations.listen(nats)
  const sessions = createSessions({
    store,
    links: new LinkStore(redis),
    getTrip,
    announceRevoked: (userId, hashes, atMs) => revocations.announce(nats, userId, hashes, atMs),
    publicUrl: config.PUBLIC_URL,
    isFleetViewOpen: config.EDGE_FLEET_VIEW === 'open',
    clock,
  })

  const rpc = opened.use(
    await startRpcServer({
      ...parts,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register(add) {
        add(SessionServiceDefinition, createSessionHandlers(sessions))
        const handlers = createEdgeHandlers({
          edgeId: config.EDGE_ID,
          board,
          connectionsHere: () => connections.size,
          getTrip,
          publish: (subject, data) => nats.publish(subject, data),
          record: (event) => eventLog.record(event),
          clock,
        })
        add(EdgeServiceDefinition, handlers)
      },
    }),
  )
  const edge = open(config.EDGE_ADDR ?? `${LOOPBACK}:${rpc.port}`)
  // A connection of its own: no other call stands before an alert.
  const sosLane = createRpcClient(SosServiceDefinition, open(config.SOS_ADDR), {
    timeoutMs: STREAM_ONLY_MS,
  })
  const alerts = new SosLane({
    edgeId: config.EDGE_ID,
    open: (requests, signal) => sosLane.connect(requests, { signal }),
    clock,
    log,
    onAnswered: events.sosAnswered,
  })
  const alertsEnd = new AbortController()
  const alertsRun = alerts.run(alertsEnd.signal)
  opened.defer(async () => {
    alertsEnd.abort()
    await alertsRun
  })
  const bridge = createCallBridge({
    lanes: new Map([[TRIGGER_METHOD, alerts.call]]),
    channelOf: createChannelOf({
      directory: directoryChannel,
      locations,
      notify: open(config.NOTIFY_ADDR),
      maskcall: open(config.MASKCALL_ADDR),
      docs: open(config.DOCS_ADDR),
      sos: open(config.SOS_ADDR),
      admin: open(config.ADMIN_ADDR),
      edge,
    }),
    metrics,
  })

  const sockets = opened.use(
    startSockets({
      config,
      startedAt,
      redis,
      nats,
      board,
      locations,
      bridge,
      sessions,
      connections,
      isRevoked: (identity) => revocations.isRevoked(identity),
      getTrip,
      events,
      metrics,
      log,
      clock,
    }),
  )
  const http = await startHttpServer({
    host: config.HOST,
    port: config.HTTP_PORT,
    reusePort: config.EDGE_REUSE_PORT,
    onUpgrade: sockets.ws.handle,
    onRequest: createRestHandler({
      bridge,
      authenticator: createAuthenticator({ sessions, serviceKey: config.HUSHRYD_SERVICE_KEY }),
      limiter: createRateLimiter({
        redis,
        perUser: config.REST_RATE_USER,
        perAddress: config.REST_RATE_ADDRESS,
        clock,
      }),
      streams,
      log,
      metrics,
      publicUrl: config.PUBLIC_URL,
      origins: config.EDGE_ORIGINS,
      trustedProxies: config.TRUSTED_PROXIES,
      mounts: pagesOf(config),
    }),
  })
  opened.defer(() => http.close(0))
  log.info({ port: http.port }, 'HTTP server listens')

  // A node that starts again is a new one: an order to its predecessor is done.
  await board.order(config.EDGE_ID, false).catch(() => undefined)
  opened.defer(() => board.leave(config.EDGE_ID).catch(() => undefined))
  const loop = (name: string, everyMs: number, run: () => Promise<void> | void): Loop =>
    opened.use(startLoop({ name, everyMs, run, log, clock, backoffMaxMs: BACKOFF_MAX_MS }))
  loop('fleet', LOOK_EVERY_MS, () => sockets.reportToFleetIfDue())
  loop('revocations', REVOCATION_LOOK_MS, () => revocations.lookIfDue())
  loop('tick', TICK_MS, () => sockets.tick())
  loop('heartbeat', Connections.sweepEveryMs(config.HEARTBEAT_MS), () =>
    connections.sweep(clock.nowMs(), config.HEARTBEAT_MS),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      // Stores that are away do not make a node unready: the others miss them as well.
      ready: async () => ({ node: sockets.drainer.isDraining ? 'draining' : 'ok' }),
    }),
  )

  const running = opened.move()
  return {
    httpPort: http.port,
    grpcPort: rpc.port,
    opsPort: ops.port,
    async [Symbol.asyncDispose]() {
      rpc.setServing(false)
      const drained = sockets.drainer.drain()
      await sockets.reportToFleet().catch(() => undefined)
      await drained
      streams.endAll()
      await Promise.all([
        http.close(config.STOP_GRACE_MS),
        rpc.stop(config.STOP_GRACE_MS),
        sockets.settle(SETTLE_MS_MAX),
      ])
      await running.disposeAsync()
      log.info('stopped')
    },
  }
}
