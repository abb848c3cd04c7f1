/** What both sides of a call count. */
import { Status } from 'nice-grpc-common'
import type { HistogramMetric, MetricSpec, Metrics } from '../metrics.ts'
import { descriptors } from './descriptors.ts'

const STATUS_NAMES = Object.keys(Status).filter((name) => Number.isNaN(Number(name)))

/** Every method of the contract, so that the labels are closed. */
function contractLabels() {
  const methods = [...descriptors().methods.values()]
  return {
    service: [...new Set(methods.map((method) => method.parent.typeName))],
    method: [...new Set(methods.map((method) => method.name))],
  }
}

const CALL_LABELS = { ...contractLabels(), code: STATUS_NAMES }
const STREAM_LABELS = contractLabels()

export type CallLabels = typeof CALL_LABELS
export type CallHistogram = HistogramMetric<CallLabels>

export const RPC_SERVER_SECONDS = {
  name: 'hushryd_rpc_server_seconds',
  help: 'Unary calls served: time to the answer. code is the gRPC status.',
  labels: CALL_LABELS,
} satisfies MetricSpec

export const RPC_SERVER_STREAMS = {
  name: 'hushryd_rpc_server_streams',
  help: 'Streams open on this server.',
  labels: STREAM_LABELS,
} satisfies MetricSpec

export const RPC_SERVER_STREAMS_ENDED = {
  name: 'hushryd_rpc_server_streams_ended_total',
  help: 'Streams that ended, by gRPC status.',
  labels: CALL_LABELS,
} satisfies MetricSpec

export const RPC_CLIENT_SECONDS = {
  name: 'hushryd_rpc_client_seconds',
  help: 'Unary calls made: time to the answer, as the caller sees it. code is the gRPC status.',
  labels: CALL_LABELS,
} satisfies MetricSpec

export function serverMetrics(metrics: Metrics) {
  return {
    seconds: metrics.histogram(RPC_SERVER_SECONDS),
    streams: metrics.gauge(RPC_SERVER_STREAMS),
    streamsEnded: metrics.counter(RPC_SERVER_STREAMS_ENDED),
  }
}

export function clientMetrics(metrics: Metrics): CallHistogram {
  return metrics.histogram(RPC_CLIENT_SECONDS)
}

/** `/hushryd.location.v1.LocationService/FindNearby` to its two labels. */
export function methodLabels(path: string): { service: string; method: string } {
  const [, service = '', method = ''] = path.split('/')
  return { service, method }
}

export function statusName(code: Status): string {
  return Status[code]
}
