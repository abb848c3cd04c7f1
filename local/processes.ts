/**
 * The processes of the system, in the order in which they start.
 *
 * Used by `npm start` with its fixed ports, and by journeys and fault tests
 * with free ones.
 */
import { join } from 'node:path'
import type { ProcessSpec } from './child.ts'
import { HOST } from './ports.ts'

export interface GrpcPorts {
  readonly grpc: number
  readonly ops: number
}

export interface SystemPlan {
  /** The folder of the repository. */
  readonly root: string
  readonly stores: {
    readonly natsUrl: string
    readonly redisUrl: string
    readonly mongoUrl: string
    readonly mongoDb: string
  }
  readonly keys: SystemKeys
  readonly directory: GrpcPorts
  readonly locations: readonly GrpcPorts[]
  readonly history: { readonly ops: number }
  readonly edges: readonly (GrpcPorts & { readonly http: number })[]
  readonly hasDemo: boolean
  /** Names of the stores that are started with the rest, which everything waits for. */
  readonly localStores: readonly string[]
  /** Settings for every process. */
  readonly env: NodeJS.ProcessEnv
}

export interface SystemKeys {
  readonly serviceKey: string
  readonly peerKey: string
  readonly directoryKeysFile: string
}

/** The history writer gives way to the processes that people wait for. */
const HISTORY_NICE = 10

function answersAt(opsPort: number): ProcessSpec['ready'] {
  return {
    answers: async (_pid, signal) => (await fetch(`http://${HOST}:${opsPort}/readyz`, { signal })).ok,
  }
}

function nameOf(kind: string, index: number, count: number): string {
  return count === 1 ? kind : `${kind}-${index + 1}`
}

export function describeProcesses(plan: SystemPlan): ProcessSpec[] {
  const script = (path: string): [string, ...string[]] => [process.execPath, join(plan.root, path)]
  const common: NodeJS.ProcessEnv = {
    ...plan.env,
    HOST,
    NATS_URL: plan.stores.natsUrl,
    REDIS_URL: plan.stores.redisUrl,
    MONGO_URL: plan.stores.mongoUrl,
    MONGO_DB: plan.stores.mongoDb,
    PEER_TRUST: 'key',
    HUSHRYD_SERVICE_KEY: plan.keys.serviceKey,
    HUSHRYD_PEER_KEY: plan.keys.peerKey,
    DIRECTORY_ADDR: `${HOST}:${plan.directory.grpc}`,
    LOCATION_ADDR: plan.locations.map(({ grpc }) => `${HOST}:${grpc}`).join(','),
  }
  const withPorts = ({ grpc, ops }: GrpcPorts) => ({ ...common, PORT: String(grpc), OPS_PORT: String(ops) })

  const directory: ProcessSpec = {
    name: 'directory',
    command: script('services/directory/main.ts'),
    env: { ...withPorts(plan.directory), DIRECTORY_KEYS_FILE: plan.keys.directoryKeysFile },
    dependsOn: plan.localStores,
    ready: answersAt(plan.directory.ops),
    address: `grpc ${HOST}:${plan.directory.grpc}`,
  }
  const locations = plan.locations.map(
    (ports, index): ProcessSpec => ({
      name: nameOf('location', index, plan.locations.length),
      command: script('services/location/main.ts'),
      env: withPorts(ports),
      dependsOn: [...plan.localStores, directory.name],
      ready: answersAt(ports.ops),
      address: `grpc ${HOST}:${ports.grpc}`,
    }),
  )
  const history: ProcessSpec = {
    name: 'location-history',
    command: script('services/location/history-main.ts'),
    env: { ...common, OPS_PORT: String(plan.history.ops) },
    dependsOn: plan.localStores,
    ready: answersAt(plan.history.ops),
    nice: HISTORY_NICE,
    address: `operations ${HOST}:${plan.history.ops}`,
  }
  const edgeUrls = plan.edges.map(({ http }) => `http://${HOST}:${http}`)
  const edges = plan.edges.map(
    (ports, index): ProcessSpec => ({
      name: `edge-${index + 1}`,
      command: script('edge/main.ts'),
      env: { ...withPorts(ports), EDGE_ID: `edge-${index + 1}`, HTTP_PORT: String(ports.http) },
      dependsOn: [...plan.localStores, directory.name, ...locations.map(({ name }) => name)],
      ready: answersAt(ports.ops),
      address: `http://localhost:${ports.http}, grpc ${HOST}:${ports.grpc}`,
    }),
  )
  const demo: ProcessSpec = {
    name: 'demo',
    command: script('local/demo/main.ts'),
    env: { ...common, EDGE_URLS: edgeUrls.join(',') },
    dependsOn: edges.map(({ name }) => name),
    ready: { line: 'replaying' },
    nice: HISTORY_NICE,
    address: 'drivers and riders over WebSockets',
  }
  return [directory, ...locations, history, ...edges, ...(plan.hasDemo ? [demo] : [])]
}
