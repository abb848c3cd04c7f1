/** The systems that are compared, each started for the bench and described in the same way. */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startValkey } from '../../local/servers/valkey.ts'
import { startSystem } from '../../local/testing/start-system.ts'
import type { DialectName } from '../load/dialect.ts'
import { signInPeople, type Trip } from '../load/people.ts'

export const SYSTEMS = ['relay', 'socketio', 'hushryd', 'hushryd+history'] as const
export type SystemName = (typeof SYSTEMS)[number]

export interface BenchSystem extends AsyncDisposable {
  readonly name: SystemName
  readonly dialect: DialectName
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly trips: readonly Trip[]
  /** What works for a position on its way to the followers, by name. */
  readonly pids: ReadonlyMap<string, number>
  /** What is beside the way of a position: the directory, and where it is kept the history. */
  readonly backgroundPids: ReadonlyMap<string, number>
}

interface Wanted {
  readonly trips: number
  /** How many riders the trip of this number has at most, from 0. */
  readonly followersOf: (index: number) => number
}

function strangers({ trips, followersOf }: Wanted): Trip[] {
  return Array.from({ length: trips }, (_, index) => ({
    tripId: `t${index}`,
    driverToken: undefined,
    riderTokens: Array.from({ length: followersOf(index) }, () => ''),
  }))
}

function isAddress(message: unknown): message is { readonly address: { readonly port: number } } {
  return typeof message === 'object' && message !== null && 'address' in message
}

async function startPeer(
  script: string,
  args: string[] = [],
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL(`../peers/${script}`, import.meta.url)), args)
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it listened`)))
    child.once('message', (message) => {
      if (isAddress(message)) resolve(message.address.port)
      else reject(new Error(`${script} said something else than its address`))
    })
  })
  return { child, port }
}

async function endPeer(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.disconnect()
  await ended
}

async function startRelay(wanted: Wanted): Promise<BenchSystem> {
  const { child, port } = await startPeer('ws-relay.ts')
  return {
    name: 'relay',
    dialect: 'relay',
    nodes: [{ host: '127.0.0.1', port }],
    trips: strangers(wanted),
    pids: new Map([['relay', child.pid ?? 0]]),
    backgroundPids: new Map(),
    [Symbol.asyncDispose]: () => endPeer(child),
  }
}

async function startSocketIo(wanted: Wanted): Promise<BenchSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-bench-'))
  const redis = await startValkey({ dataDir: folder })
  const nodes = await Promise.all([1, 2].map(() => startPeer('socketio-node.ts', [redis.url])))
  return {
    name: 'socketio',
    dialect: 'socketio',
    nodes: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    trips: strangers(wanted),
    pids: new Map([
      ['redis', redis.pid],
      ...nodes.map(({ child }, index) => [`node-${index + 1}`, child.pid ?? 0] as const),
    ]),
    backgroundPids: new Map(),
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map(({ child }) => endPeer(child)))
      await redis.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const HISTORY_NICE = 10
const LIVE = ['edge-1', 'edge-2', 'location', 'valkey', 'nats'] as const
const BACKGROUND = ['mongo', 'directory'] as const

/** Where `history` is kept, each position goes to MongoDB as well, which neither peer does. */
async function startHushryd({ trips, followersOf }: Wanted, history: boolean): Promise<BenchSystem> {
  // What bounds a storm of connects would only slow the bench's own set-up, and its clients do not move.
  const env = { LOG_LEVEL: 'warn', CONNECTS_PER_SECOND: '100000', REBALANCE: 'off' }
  const programs = history ? ['edge', 'location-history'] : ['edge']
  const system = await startSystem({ edges: 2, programs, env })
  // Like the history writer it gives way: nobody would run a database on the two cores of the edges.
  setPriority(system.process('mongo').pid ?? 0, HISTORY_NICE)
  const people = await signInPeople({
    edgeUrls: system.edgeUrls,
    serviceKey: system.serviceKey,
    trips,
    followersOf,
    prefix: 'bench',
  })
  const pidsOf = (names: readonly string[]) =>
    new Map(names.map((name) => [name, system.process(name).pid ?? 0] as const))
  return {
    name: history ? 'hushryd+history' : 'hushryd',
    dialect: 'hushryd',
    nodes: system.edgeUrls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })),
    trips: people,
    pids: pidsOf(LIVE),
    backgroundPids: pidsOf(history ? [...BACKGROUND, 'location-history'] : BACKGROUND),
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  }
}

export async function startBenchSystem(name: SystemName, wanted: Wanted): Promise<BenchSystem> {
  if (name === 'relay') return await startRelay(wanted)
  if (name === 'socketio') return await startSocketIo(wanted)
  return await startHushryd(wanted, name === 'hushryd+history')
}
