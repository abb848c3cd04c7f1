/** A real admin on free ports, a log of its own, and clients that call it as the different people do. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AdminServiceDefinition,
  type WatchEventsRequest,
  type WatchEventsResponse,
} from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { createEventLog, type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { type Caller, callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectNats, type NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import type { Metadata } from 'nice-grpc'
import type { LocalServer } from '../../../local/servers/local-server.ts'
import { startNats } from '../../../local/servers/nats.ts'
import { readAdminConfig } from '../config.ts'
import { type Admin, startAdmin } from '../service.ts'

export type AdminClient = RpcClient<typeof AdminServiceDefinition>

const PEER_KEY = 'peer-key-of-the-admin-tests'
const CALL_TIMEOUT_MS = 10_000
const WAIT_MS = 30_000
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1'

export function as(caller: Caller): { metadata: Metadata } {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export const asAdmin = as({ kind: 'user', userId: 'op-1', role: 'admin', deviceId: 'desk' })
export const asBackend = as({ kind: 'backend' })

/** A log of its own: other tests write to the shared one. */
export class World implements AsyncDisposable {
  readonly nats: LocalServer
  readonly natsUrl: string
  readonly mongoDb = `admin-${uniquePrefix()}`
  readonly #folder: string
  readonly #link: NatsLink
  readonly #publisher: Disposable
  readonly log: EventLog
  /** What the nodes have logged. */
  readonly lines: string[] = []

  private constructor(parts: { nats: LocalServer; folder: string; link: NatsLink; log: Log }) {
    this.nats = parts.nats
    this.natsUrl = parts.nats.url
    this.#folder = parts.folder
    this.#link = parts.link
    const publisher = createJetStreamPublisher(parts.link, {
      log: parts.log,
      metrics: createMetrics('test'),
    })
    this.#publisher = publisher
    this.log = createEventLog(publisher, { source: 'test' })
  }

  static async start(): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'hushryd-admin-'))
    const nats = await startNats({ dataDir: join(folder, 'nats') })
    const { log } = createMemoryLog()
    const link = await connectNats({
      url: nats.url,
      name: 'test',
      log,
      metrics: createMetrics('test'),
    })
    return new World({ nats, folder, link, log })
  }

  get link(): NatsLink {
    return this.#link
  }

  async record(type: string, about: { tripId?: string; region?: string; severity?: Severity } = {}) {
    await this.log.record({ severity: Severity.INFO, ...about, type })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#publisher[Symbol.dispose]()
    await this.#link.close()
    await this.nats.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export class AdminNode implements AsyncDisposable {
  readonly admin: Admin
  readonly client: AdminClient
  readonly #closeChannel: () => void

  private constructor(admin: Admin) {
    this.admin = admin
    const channel = openRpcChannel({
      address: `127.0.0.1:${admin.port}`,
      peer: peerCredential('edge', PEER_KEY),
    })
    this.client = createRpcClient(AdminServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS })
    this.#closeChannel = () => channel.close()
  }

  static async start(world: World, env: Readonly<Record<string, string>> = {}): Promise<AdminNode> {
    const config = readAdminConfig({
      PORT: '0',
      OPS_PORT: '0',
      LOG_LEVEL: 'warn',
      STOP_GRACE_MS: '1000',
      HUSHRYD_PEER_KEY: PEER_KEY,
      NATS_URL: world.natsUrl,
      REDIS_URL: testUrl('TEST_REDIS_URL'),
      MONGO_URL: testUrl('TEST_MONGO_URL'),
      MONGO_DB: world.mongoDb,
      SOS_ADDR: NOWHERE,
      NOTIFY_ADDR: NOWHERE,
      MASKCALL_ADDR: NOWHERE,
      DOCS_ADDR: NOWHERE,
      EDGE_ADDR: NOWHERE,
      ...env,
    })
    const node = new AdminNode(
      await startAdmin(config, {
        logSink: { write: (line) => void world.lines.push(line) },
      }),
    )
    await node.ready()
    return node
  }

  /** The log has been read. */
  async ready(): Promise<void> {
    const url = `http://127.0.0.1:${this.admin.opsPort}/readyz`
    await until(async () => (await fetch(url)).ok, { timeoutMs: WAIT_MS, what: 'admin ready' })
  }

  watch(request: Partial<WatchEventsRequest> = {}): Watching {
    return new Watching(this.client, request)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closeChannel()
    await this.admin[Symbol.asyncDispose]()
  }
}

/** A watcher that keeps all it gets. */
export class Watching {
  readonly messages: WatchEventsResponse[] = []
  error: unknown
  readonly #stop = new AbortController()
  readonly ended: Promise<void>

  constructor(client: AdminClient, request: Partial<WatchEventsRequest>) {
    this.ended = this.#read(client, request)
  }

  async #read(client: AdminClient, request: Partial<WatchEventsRequest>): Promise<void> {
    try {
      const stream = client.watchEvents(request, { ...asAdmin, signal: this.#stop.signal })
      for await (const message of stream) this.messages.push(message)
    } catch (error) {
      this.error = error
    }
  }

  get sequences(): number[] {
    return this.messages.flatMap(({ events }) => events.map(({ sequence }) => sequence))
  }

  get types(): string[] {
    return this.messages.flatMap(({ events }) => events.map(({ event }) => event?.type ?? ''))
  }

  get last(): number {
    return this.messages.at(-1)?.sequence ?? 0
  }

  /** Each message begins where the one before ended. */
  get isUnbroken(): boolean {
    return this.messages.every(
      ({ previousSequence }, index) => index === 0 || previousSequence === this.messages[index - 1]?.sequence,
    )
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await until(
      () => {
        if (this.error !== undefined) throw this.error
        return condition()
      },
      { timeoutMs: WAIT_MS, what },
    )
  }

  async caughtUp(): Promise<void> {
    await this.until(() => this.messages.some(({ caughtUp }) => caughtUp), 'caught up')
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }
}
