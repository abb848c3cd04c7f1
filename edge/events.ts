/** What the edge counts. Labels are closed sets: never an id. */
import { ERROR_TABLE } from '@hushryd/kernel/error-table.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { CLOSE, type CloseCode } from './close-codes.ts'
import type { ClientMessage } from './frames/codec.ts'
import type { SosWay } from './sos-lane.ts'

const CLIENT_KINDS = ['join', 'leave', 'location', 'locations', 'call', 'cancel', 'ping', 'invalid'] as const
const SERVER_KINDS = [
  'welcome',
  'joined',
  'accepted',
  'result',
  'next',
  'end',
  'error',
  'event',
  'goAway',
  'pong',
] as const
export type ServerKind = (typeof SERVER_KINDS)[number] | 'trip'
const REASONS: readonly string[] = Object.values(ERROR_TABLE).map(({ name }) => name)
const PROTOCOLS = ['json', 'proto'] as const
const REFUSALS = [
  'path',
  'handshake',
  'origin',
  'credentials',
  'user_limit',
  'admission',
  'balance',
  'draining',
  'unavailable',
  'internal',
] as const
export type UpgradeRefusal = (typeof REFUSALS)[number]
const PUSH_OUTCOMES = ['user', 'trip', 'admin', 'withheld'] as const
/** By the WebSocket library's code of the error. */
const SOCKET_FAILURES = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'too_large',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'too_large',
  WS_ERR_INVALID_UTF8: 'not_utf8',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'too_many_parts',
} as const
const FAILURE_NAMES = ['too_large', 'not_utf8', 'too_many_parts', 'protocol', 'connection'] as const
const SOS_WAYS = ['lane', 'call'] as const satisfies readonly SosWay[]
const CLOSE_NAMES = [...Object.keys(CLOSE), 'other']

export const metricSpecs = {
  connections: {
    name: 'hushryd_edge_connections',
    help: 'Open sockets.',
    labels: { protocol: PROTOCOLS },
  },
  rooms: { name: 'hushryd_edge_rooms', help: 'Trips followed on this edge.' },
  framesIn: {
    name: 'hushryd_edge_frames_in_total',
    help: 'Frames from clients.',
    labels: { kind: CLIENT_KINDS },
  },
  framesOut: {
    name: 'hushryd_edge_frames_out_total',
    help: 'Frames to clients but positions.',
    labels: { kind: SERVER_KINDS },
  },
  positionsIn: { name: 'hushryd_edge_positions_in_total', help: 'Live positions handed to a lane.' },
  positionsOut: {
    name: 'hushryd_edge_positions_out_total',
    help: 'Positions written to followers’ sockets.',
  },
  positionsSkipped: {
    name: 'hushryd_edge_positions_skipped_total',
    help: 'Positions not written at once because the socket was backed up; the newest follows.',
  },
  delivery: {
    name: 'hushryd_edge_delivery_seconds',
    help: 'From a position’s own time, on the phone’s clock, to its write; one of 16 is looked at.',
  },
  refusals: { name: 'hushryd_edge_refusals_total', help: 'Error frames.', labels: { reason: REASONS } },
  upgradesRefused: {
    name: 'hushryd_edge_upgrades_refused_total',
    help: 'Sockets refused.',
    labels: { cause: REFUSALS },
  },
  closes: {
    name: 'hushryd_edge_closes_total',
    help: 'Sockets closed by the edge.',
    labels: { code: CLOSE_NAMES },
  },
  socketFailures: {
    name: 'hushryd_edge_socket_failures_total',
    help: 'Sockets that ended by a broken connection, or by a message that breaks the WebSocket protocol.',
    labels: { cause: FAILURE_NAMES },
  },
  moved: {
    name: 'hushryd_edge_moved_total',
    help: 'Sockets asked to move to another node to even out the fleet.',
  },
  floods: {
    name: 'hushryd_edge_floods_total',
    help: 'Times that a socket sent so much that it was not read for a while.',
  },
  laneUp: { name: 'hushryd_edge_lanes_up', help: 'Lanes whose stream to the location service stands.' },
  laneHeld: {
    name: 'hushryd_edge_lane_held_reports',
    help: 'Positions not yet acknowledged by the location service, over all lanes.',
  },
  laneThinned: {
    name: 'hushryd_edge_lane_thinned_total',
    help: 'Positions given up in an outage for want of room.',
  },
  laneReconnects: { name: 'hushryd_edge_lane_reconnects_total', help: 'Lane streams that ended.' },
  laneAck: {
    name: 'hushryd_edge_lane_ack_seconds',
    help: 'From a batch’s flush to its acknowledgement: stored, or safely queued.',
  },
  sosSeconds: {
    name: 'hushryd_edge_sos_seconds',
    help: 'From an alert’s frame to its answer, whichever it is: over the lane, or as a call of its own.',
    labels: { way: SOS_WAYS },
  },
  pushes: {
    name: 'hushryd_edge_pushes_total',
    help: 'Events from services.',
    labels: { subject: PUSH_OUTCOMES },
  },
} as const

const CODE_NAMES = new Map<number, string>(Object.entries(CLOSE).map(([name, code]) => [code, name]))
/** A histogram costs as much as the write that it measures. */
const DELIVERY_SAMPLE = 16

function failureOf(code: string | undefined): (typeof FAILURE_NAMES)[number] {
  if (code === undefined || !code.startsWith('WS_ERR_')) return 'connection'
  return code in SOCKET_FAILURES ? SOCKET_FAILURES[code as keyof typeof SOCKET_FAILURES] : 'protocol'
}

/** One child of a metric for each value of its label, looked up once. */
function boundEach<const K extends string, M>(values: readonly K[], bind: (value: K) => M): Record<K, M> {
  return Object.fromEntries(values.map((value) => [value, bind(value)])) as Record<K, M>
}

export type EdgeEvents = ReturnType<typeof createEvents>

export function createEvents(metrics: Metrics) {
  const connections = metrics.gauge(metricSpecs.connections)
  const framesIn = boundEach(CLIENT_KINDS, (kind) => metrics.counter(metricSpecs.framesIn).bind({ kind }))
  const framesOut = boundEach(SERVER_KINDS, (kind) => metrics.counter(metricSpecs.framesOut).bind({ kind }))
  const refusals = metrics.counter(metricSpecs.refusals)
  const upgradesRefused = metrics.counter(metricSpecs.upgradesRefused)
  const closes = metrics.counter(metricSpecs.closes)
  const pushes = metrics.counter(metricSpecs.pushes)
  const positionsIn = metrics.counter(metricSpecs.positionsIn).bind({})
  const positionsOut = metrics.counter(metricSpecs.positionsOut).bind({})
  const positionsSkipped = metrics.counter(metricSpecs.positionsSkipped).bind({})
  const delivery = metrics.histogram(metricSpecs.delivery).bind({})
  const socketFailures = metrics.counter(metricSpecs.socketFailures)
  const sosSeconds = boundEach(SOS_WAYS, (way) => metrics.histogram(metricSpecs.sosSeconds).bind({ way }))
  const moved = metrics.counter(metricSpecs.moved).bind({})
  const floods = metrics.counter(metricSpecs.floods).bind({})
  const laneThinned = metrics.counter(metricSpecs.laneThinned).bind({})
  const laneReconnects = metrics.counter(metricSpecs.laneReconnects).bind({})
  const laneAck = metrics.histogram(metricSpecs.laneAck).bind({})
  const lanesUp = metrics.gauge(metricSpecs.laneUp).bind({})
  let sample = 0
  return {
    opened: (protocol: 'json' | 'proto') => connections.inc({ protocol }),
    gone: (protocol: 'json' | 'proto') => connections.dec({ protocol }),
    frameIn: (kind: ClientMessage['kind']) => framesIn[kind].inc(),
    frameOut: (kind: ServerKind) => {
      if (kind !== 'trip') framesOut[kind].inc()
    },
    refused: (reason: string) => refusals.inc({ reason }),
    upgradeRefused: (cause: UpgradeRefusal) => upgradesRefused.inc({ cause }),
    closed: (code: CloseCode) => closes.inc({ code: CODE_NAMES.get(code) ?? 'other' }),
    positionIn: () => positionsIn.inc(),
    positionsDelivered(followers: number, timestampMs: number): void {
      if (followers === 0) return
      positionsOut.inc(followers)
      sample = (sample + 1) % DELIVERY_SAMPLE
      if (sample === 0) delivery.observe(Math.max(0, Date.now() - timestampMs) / 1000)
    },
    positionSkipped: () => positionsSkipped.inc(),
    socketFailed: (code: string | undefined) => socketFailures.inc({ cause: failureOf(code) }),
    moved: (count: number) => moved.inc(count),
    flooded: () => floods.inc(),
    laneUp: () => lanesUp.inc(),
    laneDown: () => {
      lanesUp.dec()
      laneReconnects.inc()
    },
    laneThinned: (count: number) => laneThinned.inc(count),
    laneAcked: (ms: number) => laneAck.observe(ms / 1000),
    sosAnswered: (way: SosWay, ms: number, traceId: string | undefined) =>
      sosSeconds[way].observe(ms / 1000, traceId),
    pushed: (subject: (typeof PUSH_OUTCOMES)[number]) => pushes.inc({ subject }),
    /** Gauges that are read when scraped. */
    watch(read: { readonly rooms: () => number; readonly laneHeld: () => number }): void {
      metrics.gauge(metricSpecs.rooms, read.rooms)
      metrics.gauge(metricSpecs.laneHeld, read.laneHeld)
    },
  }
}
