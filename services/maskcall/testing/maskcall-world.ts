/** Real maskcall nodes between real stores, a town, and the provider sandbox, with all that they say kept. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MaskCallServiceDefinition } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { type Caller, callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { createMemoryLog, type MemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import type { Metadata } from 'nice-grpc'
import { makeSandboxKeys, type SandboxKeys } from '../../../local/sandbox/keys.ts'
import { registerTexts } from '../../../local/sandbox/registered-texts.ts'
import { type Sandbox, startSandbox } from '../../../local/sandbox/sandbox.ts'
import { maskcallEnv } from '../../../local/sandbox/service-env.ts'
import { SANDBOX_NUMBERS } from '../../../local/sandbox/voice/numbers.ts'
import { readMaskcallConfig } from '../config.ts'
import { type Maskcall, startMaskcall } from '../service.ts'
import { startTown, type Town } from './town.ts'

export type MaskcallClient = RpcClient<typeof MaskCallServiceDefinition>
export type WebhookPath = 'voice' | 'call-status' | 'sms'

export interface WorldOptions {
  readonly prefix: string
  readonly nodes?: number
  readonly numbers?: readonly object[]
  readonly env?: Readonly<Record<string, string>>
  readonly mongoUrl?: string
  readonly natsUrl?: string
  readonly nowMs?: () => number
}

/** A webhook as it passed the edge. */
export interface Passed {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly status: number
  readonly answer: string
}

export interface World extends AsyncDisposable {
  readonly town: Town
  readonly sandbox: Sandbox
  readonly keys: SandboxKeys
  /** Where the edge would be. */
  readonly publicUrl: string
  readonly nodes: readonly Maskcall[]
  /** As the edge, to each node; `client` is the first. */
  readonly clients: readonly MaskcallClient[]
  /** As sos, to each node. */
  readonly sosClients: readonly MaskcallClient[]
  readonly client: MaskcallClient
  readonly logs: MemoryLog
  readonly mongo: MongoClient
  readonly mongoDb: string
  readonly nats: NatsConnection
  readonly passed: readonly Passed[]
  /** Of all nodes, as Prometheus reads it. */
  metrics(): Promise<string>
  api(method: string, path: string, body?: unknown): Promise<unknown>
}

const CALL_TIMEOUT_MS = 10_000
/** A phone rings for this long, in milliseconds. */
const DELAY_MS = 5

export function newKeyLine(id = 'k1'): string {
  return `${id}:${randomBytes(32).toString('base64')}`
}

export function onBehalfOf(caller: Caller): { metadata: Metadata } {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export function asUser(userId: string, role: 'passenger' | 'driver' | 'admin' = 'passenger') {
  return onBehalfOf({ kind: 'user', userId, role, deviceId: 'd' })
}

/** Hands webhooks on as the edge does. */
async function startDoor(clients: readonly MaskcallClient[], passed: Passed[]) {
  let turn = 0
  const server = createServer(async (incoming, response) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>))
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    )
    const path = incoming.url ?? ''
    const [, , , provider = '', kind = ''] = new URL(path, 'http://door').pathname.split('/')
    turn += 1
    const client = clients[turn % clients.length]
    if (client === undefined) throw new Error('a webhook before there is a node')
    const request = { provider, url: `http://127.0.0.1:${port}${path}`, headers, body }
    const call = {
      voice: () => client.resolveInboundCall(request, onBehalfOf({ kind: 'anonymous' })),
      'call-status': () => client.reportCallStatus(request, onBehalfOf({ kind: 'anonymous' })),
      sms: () => client.receiveSms(request, onBehalfOf({ kind: 'anonymous' })),
    }[kind]
    if (call === undefined) throw new Error(`no webhook ${path}`)
    try {
      const { status, contentType, body: answer } = await call()
      const text = Buffer.from(answer).toString()
      passed.push({
        method: incoming.method ?? '',
        path,
        headers,
        body: body.toString(),
        status,
        answer: text,
      })
      response
        .writeHead(status, { 'content-type': contentType || 'text/plain' })
        .end(status === 204 ? '' : text)
    } catch {
      response.writeHead(503).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

export async function startWorld(options: WorldOptions): Promise<World> {
  const { prefix, nodes: count = 1, numbers = SANDBOX_NUMBERS, env = {} } = options
  const mongoDb = `${prefix}maskcall`
  const mongoUrl = testUrl('TEST_MONGO_URL')
  const natsUrl = testUrl('TEST_NATS_URL')
  const logs = createMemoryLog()
  const passed: Passed[] = []
  const clients: MaskcallClient[] = []
  const sosClients: MaskcallClient[] = []
  const nodes: Maskcall[] = []
  await using opened = new AsyncDisposableStack()
  const mongo = opened.adopt(new MongoClient(mongoUrl), async (client) => {
    await client.db(mongoDb).dropDatabase()
    await client.close()
  })
  const nats = opened.adopt(await connect({ servers: natsUrl }), (connection) => connection.close())
  await ensureEventLog(nats)
  const town = opened.use(await startTown())
  const door = opened.use(await startDoor(clients, passed))
  const keys = makeSandboxKeys()
  const sandbox = opened.use(
    await startSandbox({
      host: '127.0.0.1',
      port: 0,
      keys,
      texts: registerTexts([]),
      webhookUrl: door.url,
      receiptDelayMs: DELAY_MS,
      log: createMemoryLog().log,
    }),
  )
  const settings = {
    PORT: '0',
    OPS_PORT: '0',
    LOG_LEVEL: 'debug',
    PEER_TRUST: 'key',
    HUSHRYD_PEER_KEY: PEER_KEY,
    MONGO_DB: mongoDb,
    MONGO_URL: options.mongoUrl ?? mongoUrl,
    NATS_URL: options.natsUrl ?? natsUrl,
    DIRECTORY_ADDR: town.rpc.address,
    MASKCALL_KEYS: newKeyLine(),
    STOP_GRACE_MS: '1000',
    ...maskcallEnv({ keys, sandboxUrl: sandbox.url, publicUrl: door.url }),
    MASKCALL_NUMBERS: JSON.stringify(numbers),
    ...env,
  }
  for (let index = 0; index < count; index += 1) {
    const node = opened.use(
      await startMaskcall(readMaskcallConfig(settings), {
        logSink: { write: (line) => void (logs.lines as string[]).push(line) },
        ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
      }),
    )
    const clientOf = (peer: string): MaskcallClient => {
      const channel = opened.adopt(
        openRpcChannel({ address: `127.0.0.1:${node.port}`, peer: peerCredential(peer, PEER_KEY) }),
        (open) => open.close(),
      )
      return createRpcClient(MaskCallServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS })
    }
    nodes.push(node)
    clients.push(clientOf('edge'))
    sosClients.push(clientOf('sos'))
  }
  const [client] = clients
  if (client === undefined) throw new Error('a world without nodes')
  const running = opened.move()
  return {
    town,
    sandbox,
    keys,
    publicUrl: door.url,
    nodes,
    clients,
    sosClients,
    client,
    logs,
    mongo,
    mongoDb,
    nats,
    passed,
    async metrics() {
      const pages = nodes.map(
        async ({ opsPort }) => await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text(),
      )
      return (await Promise.all(pages)).join('\n')
    },
    async api(method, path, body) {
      const response = await fetch(sandbox.url + path, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return text === '' ? undefined : JSON.parse(text)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
