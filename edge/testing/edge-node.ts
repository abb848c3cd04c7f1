/** Real edges on free ports, with the real stores of the test run and the fake services behind. */
import { EdgeServiceDefinition } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { SessionServiceDefinition } from '@hushryd/gen/hushryd/edge/v1/session.ts'
import { type Caller, callerMetadata, peerCredential, type Role } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { readConfig } from '../config.ts'
import { type Edge, startEdge } from '../service.ts'
import { type FakeServices, PEER_KEY, SERVICE_KEY } from './fake-services.ts'

const CALL_TIMEOUT_MS = 8_000

function testUrl(name: 'TEST_NATS_URL' | 'TEST_REDIS_URL'): string {
  const url = process.env[name]
  if (url === undefined) throw new Error(`${name} is not set: run with the project "infra"`)
  return url
}

/** Fleets share one hash in Redis, so each file of tests has a database of its own. */
export function redisUrl(database: number): string {
  return `${testUrl('TEST_REDIS_URL').replace(/\/$/, '')}/${database}`
}

export function natsUrl(): string {
  return testUrl('TEST_NATS_URL')
}

export interface EdgeNode extends AsyncDisposable {
  readonly edge: Edge
  readonly edgeId: string
  readonly wsUrl: string
  readonly sessions: RpcClient<typeof SessionServiceDefinition>
  readonly admin: RpcClient<typeof EdgeServiceDefinition>
  /** A session's token. */
  login(userId: string, role?: Role, deviceId?: string): Promise<string>
  metrics(): Promise<string>
  /** What it logged. */
  readonly lines: readonly string[]
}

export interface EdgeNodeOptions {
  readonly services: FakeServices
  readonly database: number
  readonly env?: Readonly<Record<string, string>>
}

export const asBackend = { metadata: callerMetadata({ kind: 'backend' }, 'request-of-a-test') }

export function onBehalfOf(caller: Caller) {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export async function startNode({ services, database, env = {} }: EdgeNodeOptions): Promise<EdgeNode> {
  const edgeId = env.EDGE_ID ?? `edge-${uniquePrefix()}`
  const config = readConfig({
    EDGE_ID: edgeId,
    PORT: '0',
    OPS_PORT: '0',
    HTTP_PORT: '0',
    LOG_LEVEL: 'info',
    PEER_TRUST: 'key',
    HUSHRYD_PEER_KEY: PEER_KEY,
    HUSHRYD_SERVICE_KEY: SERVICE_KEY,
    REDIS_URL: redisUrl(database),
    NATS_URL: natsUrl(),
    LOCATION_ADDR: services.address,
    DIRECTORY_ADDR: services.address,
    STOP_GRACE_MS: '500',
    DRAIN_MS: '200',
    ...env,
  })
  const lines: string[] = []
  const edge = await startEdge(config, { logSink: { write: (line) => void lines.push(line) } })
  const channel = openRpcChannel({
    address: `127.0.0.1:${edge.grpcPort}`,
    peer: peerCredential('edge', PEER_KEY),
  })
  const options = { timeoutMs: CALL_TIMEOUT_MS }
  const sessions = createRpcClient(SessionServiceDefinition, channel, options)
  return {
    edge,
    edgeId,
    wsUrl: `ws://127.0.0.1:${edge.httpPort}/v1/ws`,
    sessions,
    admin: createRpcClient(EdgeServiceDefinition, channel, options),
    async login(userId, role = 'passenger', deviceId = '') {
      const { token } = await sessions.createSession({ userId, role, deviceId }, asBackend)
      return token
    },
    lines,
    metrics: async () => await (await fetch(`http://127.0.0.1:${edge.opsPort}/metrics`)).text(),
    async [Symbol.asyncDispose]() {
      channel.close()
      await edge[Symbol.asyncDispose]()
    },
  }
}
