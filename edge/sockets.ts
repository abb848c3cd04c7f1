/** The part of an edge that holds sockets: how its pieces hang together. */
import type { GetTripResponse } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { type Clock, pause } from '@hushryd/kernel/clock.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { partitionOf } from '@hushryd/kernel/partition.ts'
import type { RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import { AdmissionGate } from './admission.ts'
import { Balance } from './balance.ts'
import type { CallBridge } from './bridge/call.ts'
import type { EdgeConfig } from './config.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import { createDrainer, type Drainer } from './drainer.ts'
import type { EdgeEvents } from './events.ts'
import { readFileLimit, socketsWithin } from './file-limit.ts'
import { createFleet } from './fleet.ts'
import { createDispatch } from './frame-dispatch.ts'
import { Goodbyes } from './goodbyes.ts'
import { Lanes, laneOpener } from './lanes.ts'
import type { LoadBoard } from './load.ts'
import { PausedReads } from './paused-reads.ts'
import { createPushes, subscribePushes } from './pushes.ts'
import { problemOf } from './rest/problem.ts'
import { Rooms } from './rooms.ts'
import type { Sessions } from './sessions.ts'
import { createSocketCalls } from './socket-calls.ts'
import { createSocketHandlers } from './socket-handlers.ts'
import { endEventOf } from './trip-end.ts'
import { Uplink } from './uplink.ts'
import { UserCounts } from './user-counts.ts'
import { createWsServer, type WsServer } from './ws-server.ts'

export interface SocketsOptions {
  readonly config: EdgeConfig
  readonly startedAt: number
  readonly redis: RedisLink
  readonly nats: NatsLink
  readonly board: LoadBoard
  readonly locations: readonly RpcChannel[]
  readonly bridge: CallBridge
  readonly sessions: Sessions
  readonly connections: Connections
  readonly isRevoked: Parameters<typeof createWsServer>[0]['isRevoked']
  readonly getTrip: (tripId: string) => Promise<GetTripResponse>
  readonly events: EdgeEvents
  readonly metrics: Metrics
  readonly log: Log
  readonly clock: Clock
}

export interface Sockets extends AsyncDisposable {
  readonly ws: WsServer
  readonly drainer: Drainer
  /** Throws where Redis is away. */
  reportToFleet(): Promise<void>
  /** Some times a second; throws where Redis is away. */
  reportToFleetIfDue(): Promise<void>
  /** Some ten times a second: what waits for a time. */
  tick(): void
  /** Resolves when the location service has every position, or after the time. */
  settle(maxMs: number): Promise<void>
}

export function startSockets(options: SocketsOptions): Sockets {
  const { config, startedAt, redis, nats, board, connections, getTrip, events, metrics, log, clock } = options
  const own = { edgeId: config.EDGE_ID, startedAt }
  const partitionOfTrip = (tripId: string): number => partitionOf(tripId, config.LOCATION_PARTITIONS)

  const rooms = new Rooms({
    laneOf: (tripId) => lanes.at(partitionOfTrip(tripId)),
    partitionOf: partitionOfTrip,
    events,
    clock,
  })
  const uplink = new Uplink({
    laneAt: (partition) => lanes.at(partition),
    partitionOf: partitionOfTrip,
    connectionAt: (number) => connections.byNumber(number),
    events,
    clock,
  })
  const lanes = new Lanes({
    count: config.LOCATION_PARTITIONS,
    edgeId: own.edgeId,
    epochMs: startedAt,
    flushMs: config.LANE_FLUSH_MS,
    open: laneOpener(options.locations, metrics),
    sink: {
      position: (position) => rooms.position(position),
      joined: (joined) => rooms.joined(joined),
      synced: (synced) => uplink.synced(synced),
      refused: (refusal) => uplink.refused(refusal),
      ended: (tripId) => rooms.ended(tripId),
      rejoins: (partition) => rooms.rejoins(partition),
    },
    events,
    log,
    clock,
  })
  events.watch({ rooms: () => rooms.size, laneHeld: () => lanes.held })

  const pushes = createPushes({ connections, rooms, events, log })
  const unsubscribe = subscribePushes(nats, pushes)
  /** The lane said so, and the directory's event did not come. */
  function endTrip(tripId: string): void {
    void getTrip(tripId)
      .catch(() => undefined)
      .then((trip) => pushes.toTrip(endEventOf(tripId, trip)))
  }

  const goodbyes = new Goodbyes()
  const pausedReads = new PausedReads(events)
  const balance = new Balance(own.edgeId, config.CONNECTS_PER_SECOND * BALANCE_REFUSALS_SHARE)
  const drainer = createDrainer({ connections, goodbyes, drainMs: config.DRAIN_MS, clock, log })
  const fleet = createFleet({
    own,
    board,
    balance,
    drainer,
    connections,
    goodbyes,
    events,
    clock,
    moves: config.REBALANCE === 'on',
  })
  const userCounts = new UserCounts({ own, redis, live: () => board.nodes })
  const dispatch = createDispatch({
    rooms,
    uplink,
    calls: createSocketCalls({ bridge: options.bridge, events, log }),
    events,
    pauseReads: (connection) => pausedReads.pause(connection),
  })

  function onGone(connection: Connection): void {
    connections.remove(connection)
    goodbyes.forget(connection)
    pausedReads.forget(connection)
    rooms.drop(connection)
    userCounts.remove(connection.userId)
    connection.onClosed()
    events.gone(connection.isJson ? 'json' : 'proto')
  }
  const attach = createSocketHandlers({ dispatch, pausedReads, onGone, events, log, clock })

  const ws = createWsServer({
    edgeId: own.edgeId,
    heartbeatMs: config.HEARTBEAT_MS,
    origins: config.EDGE_ORIGINS,
    connectionsPerUser: config.CONNECTIONS_PER_USER,
    admission: new AdmissionGate(
      { connectsPerSecond: config.CONNECTS_PER_SECOND, connectionsMax: findConnectionsMax(config, log) },
      clock.nowMs(),
    ),
    balance,
    isDraining: () => drainer.isDraining,
    load: () => ({ open: connections.size, leaving: goodbyes.size }),
    sessions: options.sessions,
    isRevoked: options.isRevoked,
    userCounts,
    onOpen(connection) {
      connections.add(connection)
      attach(connection)
      events.opened(connection.isJson ? 'json' : 'proto')
    },
    problemOf,
    events,
    log,
    clock,
  })

  return {
    ws,
    drainer,
    reportToFleet: () => fleet.report(),
    reportToFleetIfDue: () => fleet.reportIfDue(),
    tick() {
      const nowMs = clock.nowMs()
      rooms.sweep(endTrip)
      uplink.sweep()
      goodbyes.sweep(nowMs)
      pausedReads.sweep(nowMs)
      lanes.flush()
    },
    async settle(maxMs) {
      const signal = AbortSignal.timeout(maxMs)
      while (lanes.held > 0 && !signal.aborted) await pause(clock, SETTLE_LOOK_MS, signal)
    },
    async [Symbol.asyncDispose]() {
      unsubscribe()
      await lanes[Symbol.asyncDispose]()
    },
  }
}

const SETTLE_LOOK_MS = 20
/** Of the connects that a node could take in a second: more than that are a storm. */
const BALANCE_REFUSALS_SHARE = 0.25

function findConnectionsMax(config: EdgeConfig, log: Log): number {
  const fileLimit = readFileLimit()
  const connectionsMax = socketsWithin(config.CONNECTIONS_MAX, fileLimit)
  if (connectionsMax < config.CONNECTIONS_MAX) {
    const { CONNECTIONS_MAX } = config
    log.warn(
      { fileLimit, CONNECTIONS_MAX, connectionsMax },
      'the limit of open files (ulimit -n) is too low for CONNECTIONS_MAX: this node takes fewer sockets',
    )
  }
  return connectionsMax
}
