/** Three NATS servers with JetStream, any of which can be killed and started again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { freePorts } from '@hushryd/local/ports.ts'
import { LocalServer } from '@hushryd/local/servers/local-server.ts'
import { describeNats, type NatsSpec } from '@hushryd/local/servers/nats.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'

const SERVERS = 3
const PATIENCE_MS = 60_000
/** Another process can take a picked port before its server does. */
const ATTEMPTS = 3

export class NatsCluster implements AsyncDisposable {
  readonly #servers: readonly LocalServer<NatsSpec>[]
  readonly #connection: NatsConnection
  readonly #folder: string

  private constructor(servers: readonly LocalServer<NatsSpec>[], connection: NatsConnection, folder: string) {
    this.#servers = servers
    this.#connection = connection
    this.#folder = folder
  }

  static async start(): Promise<NatsCluster> {
    for (let attempt = 1; ; attempt += 1) {
      const folder = await mkdtemp(join(tmpdir(), 'hushryd-nats-'))
      try {
        return await NatsCluster.#startIn(folder)
      } catch (error) {
        await rm(folder, { recursive: true, force: true })
        if (attempt === ATTEMPTS) throw error
      }
    }
  }

  static async #startIn(folder: string): Promise<NatsCluster> {
    const ports = await freePorts(2 * SERVERS)
    const seats = ports.slice(SERVERS)
    await using started = new AsyncDisposableStack()
    const servers = await Promise.all(
      seats.map(async (seat, index) => {
        const dataDir = join(folder, `nats-${index + 1}`)
        const describe = (port: number) => describeNats(dataDir, port, { port: seat, ports: seats })
        return started.use(await LocalServer.start(describe, { dataDir, port: ports[index] ?? 0 }))
      }),
    )
    const connection = await connect({ servers: servers.map(({ url }) => url), maxReconnectAttempts: -1 })
    started.defer(() => connection.close())
    // It answers once the three have a leader.
    await until(async () => (await jetstreamManager(connection)).getAccountInfo(), {
      timeoutMs: PATIENCE_MS,
      what: 'a leader of the cluster',
    })
    started.move()
    return new NatsCluster(servers, connection, folder)
  }

  get url(): string {
    return this.#servers.map(({ url }) => url).join(',')
  }

  /** Its stream has a leader and copies that are up to date on all three. */
  async whole(stream: string): Promise<void> {
    await until(
      async () => {
        const { leader, replicas = [] } = (await this.#info(stream)).cluster ?? {}
        const isUpToDate = replicas.length === SERVERS - 1 && replicas.every(({ current }) => current)
        return leader !== undefined && isUpToDate
      },
      { timeoutMs: PATIENCE_MS, what: `three copies of ${stream}` },
    )
  }

  /** Another server leads the stream when this returns. */
  async changeLeader(stream: string): Promise<void> {
    const before = await this.#leader(stream)
    await this.#connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`)
    await until(
      async () => {
        const now = await this.#leader(stream)
        return now !== undefined && now !== before
      },
      { timeoutMs: PATIENCE_MS, what: 'another leader' },
    )
  }

  /** Answers how to start it again. */
  async killLeader(stream: string): Promise<() => Promise<void>> {
    const { server, leader } = await until(
      async () => {
        const name = await this.#leader(stream)
        const found = this.#servers.find(({ spec }) => spec.serverName === name)
        return found === undefined || name === undefined ? undefined : { server: found, leader: name }
      },
      { timeoutMs: PATIENCE_MS, what: 'a leader to kill' },
    )
    await server.kill('SIGKILL')
    await until(async () => ![undefined, leader].includes(await this.#leader(stream)), {
      timeoutMs: PATIENCE_MS,
      what: 'a leader after the kill',
    })
    return () => server.restart()
  }

  async #info(stream: string) {
    return await (await jetstreamManager(this.#connection)).streams.info(stream)
  }

  async #leader(stream: string): Promise<string | undefined> {
    return (await this.#info(stream)).cluster?.leader
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
    for (const server of this.#servers) await server.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
