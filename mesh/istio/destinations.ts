/** One DestinationRule a service: how callers spread over its pods, how much they may ask, whom they leave alone. */
import { BRIDGE, hostOf, type Member, NAMESPACE } from '../members.ts'
import type { Manifest } from './manifest.ts'
import { LANE_SUBSET } from './routes.ts'

/** Of one calling proxy: what exceeds them is answered UNAVAILABLE at once, before it can pile up anywhere. */
interface Limits {
  /** Calls and open streams. */
  readonly requestsMax: number
  /** Calls that wait for a connection. */
  readonly pendingMax: number
}

/** An edge of 18,000 sockets with a call of each in a hundredth of them at once. */
const USUAL: Limits = { requestsMax: 2_000, pendingMax: 500 }

const LIMITS: Readonly<Record<string, Limits>> = {
  // Event streams of people who watch by REST stay open: half of an edge's sockets.
  location: { requestsMax: 10_000, pendingMax: 2_000 },
  // 30,000 alerts at once may come over two edges, as calls where the lane is down.
  sos: { requestsMax: 20_000, pendingMax: 20_000 },
  // One request each: sockets, event streams and REST, over a handful of gateways.
  edge: { requestsMax: 60_000, pendingMax: 10_000 },
}

/** HTTP/1.1, as of WebSockets, takes a connection each; gRPC needs only a few. */
const CONNECTIONS_MAX = { http1: 60_000, grpc: 256 } as const

/**
 * A pod that fails five calls in a row is left alone. Never more than half of
 * them are: what fails everywhere is the fault of something behind the pods.
 * UNAVAILABLE counts as 503; INTERNAL, a bug that other pods have as well, not.
 */
const EJECT_FAILING = {
  consecutiveGatewayErrors: 5,
  consecutive5xxErrors: 0,
  interval: '5s',
  baseEjectionTime: '15s',
  maxEjectionPercent: 50,
} as const

/** An edge that has its share of sockets says 503 to more and is well: only one that cannot be reached is left alone. */
const EJECT_UNREACHABLE = {
  splitExternalLocalOriginErrors: true,
  consecutiveLocalOriginFailures: 3,
  consecutiveGatewayErrors: 0,
  consecutive5xxErrors: 0,
  interval: '2s',
  baseEjectionTime: '10s',
  maxEjectionPercent: 50,
} as const

/** What is even over all pods must not stay in the caller's zone. Elsewhere the zone comes first, then the rest. */
const EVEN_OVER_ZONES: ReadonlySet<string> = new Set(['edge', 'location'])

/** A prime, as Maglev asks for; Envoy's own default. */
const MAGLEV_SLOTS = 65_537

export const PARTITION_HEADER = 'x-hushryd-partition'

/** Of one calling proxy towards a member. */
export function limitsOf(name: string): Limits {
  return LIMITS[name] ?? USUAL
}

export function destinationRule(member: Member): Manifest {
  const { name } = member
  const limits = limitsOf(name)
  const isEdge = name === BRIDGE
  const localityLbSetting = { enabled: !EVEN_OVER_ZONES.has(name) }
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      host: hostOf(name),
      exportTo: ['*'],
      trafficPolicy: {
        tls: { mode: 'ISTIO_MUTUAL' },
        loadBalancer: { simple: 'LEAST_REQUEST', localityLbSetting },
        connectionPool: {
          tcp: {
            maxConnections: isEdge ? CONNECTIONS_MAX.http1 : CONNECTIONS_MAX.grpc,
            connectTimeout: '2s',
            tcpKeepalive: { time: '60s', interval: '20s', probes: 3 },
          },
          http: {
            http2MaxRequests: limits.requestsMax,
            http1MaxPendingRequests: limits.pendingMax,
            maxRetries: 50,
            idleTimeout: '3600s',
          },
        },
        outlierDetection: isEdge ? EJECT_UNREACHABLE : EJECT_FAILING,
      },
      ...(name === 'location'
        ? {
            subsets: [
              {
                name: LANE_SUBSET,
                trafficPolicy: {
                  loadBalancer: {
                    consistentHash: { httpHeaderName: PARTITION_HEADER, maglev: { tableSize: MAGLEV_SLOTS } },
                    localityLbSetting,
                  },
                },
              },
            ],
          }
        : {}),
    },
  }
}
