/**
 * The whole system on free ports with stores of its own, for journeys and
 * fault tests: any process or store can be killed, paused and started again.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readKeys } from '../keys.ts'
import { freePorts, HOST } from '../ports.ts'
import { describeProcesses, type SystemPlan } from '../processes.ts'
import { describeMongo } from '../servers/mongo.ts'
import { describeNats } from '../servers/nats.ts'
import { describeValkey } from '../servers/valkey.ts'
import { type SupervisedProcess, Supervisor, type SupervisorEvent } from '../supervisor.ts'

export interface SystemOptions {
  readonly edges?: number
  readonly locations?: number
  /** Settings for every process. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether a process that ends by itself is started again; a test that kills one restarts it itself. */
  readonly restart?: boolean
  readonly onEvent?: (event: SupervisorEvent) => void
}

export interface TestSystem extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` of each edge. */
  readonly edgeUrls: readonly string[]
  readonly serviceKey: string
  /** Ports, addresses and keys of everything. */
  readonly plan: SystemPlan
  /** `nats`, `valkey`, `mongo`, `directory`, `location` (or `location-1`…), `location-history`, `edge-1`… */
  process(name: string): SupervisedProcess
  /** What a process has written so far. */
  output(name: string): readonly string[]
}

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** A test that takes more output than this of one process is looking in the wrong place. */
const OUTPUT_LINES_MAX = 5000

/** Takes ports from a list that was held open at once, so that none comes twice. */
function portTaker(ports: number[]): () => number {
  return () => {
    const port = ports.pop()
    if (port === undefined) throw new Error('more ports taken than asked for')
    return port
  }
}

export async function startSystem(options: SystemOptions = {}): Promise<TestSystem> {
  const { edges = 2, locations = 1, env = {}, restart = false, onEvent = () => undefined } = options
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-system-'))
  const take = portTaker(await freePorts(3 + 2 + 1 + locations * 2 + edges * 3))
  const stores = await Promise.all([
    describeNats(join(folder, 'nats'), take()),
    describeValkey({ dataDir: join(folder, 'valkey') }, take()),
    describeMongo(join(folder, 'mongo'), take()),
  ])
  const [nats, valkey, mongo] = stores
  const plan: SystemPlan = {
    root: ROOT,
    stores: { natsUrl: nats.url, redisUrl: valkey.url, mongoUrl: mongo.url, mongoDb: 'hushryd' },
    keys: await readKeys(join(folder, 'keys')),
    directory: { grpc: take(), ops: take() },
    locations: Array.from({ length: locations }, () => ({ grpc: take(), ops: take() })),
    history: { ops: take() },
    edges: Array.from({ length: edges }, () => ({ http: take(), grpc: take(), ops: take() })),
    hasDemo: false,
    localStores: stores.map(({ name }) => name),
    env: { ...process.env, ...env },
  }
  const output = new Map<string, string[]>()
  const supervisor = new Supervisor([...stores, ...describeProcesses(plan)], {
    restart,
    onEvent,
    onLine: ({ name }, line) => {
      const lines = output.getOrInsertComputed(name, () => [])
      lines.push(line)
      if (lines.length > OUTPUT_LINES_MAX) lines.shift()
    },
  })
  const dispose = async () => {
    await supervisor.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await supervisor.start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    edgeUrls: plan.edges.map(({ http }) => `http://${HOST}:${http}`),
    serviceKey: plan.keys.serviceKey,
    plan,
    process: (name) => supervisor.process(name),
    output: (name) => output.get(name) ?? [],
    [Symbol.asyncDispose]: dispose,
  }
}
