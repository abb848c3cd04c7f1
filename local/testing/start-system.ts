/**
 * The whole system on free ports with stores of its own, for journeys and
 * fault tests: any process or store can be killed, paused and started again.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessSpec } from '../child.ts'
import { readKeys } from '../keys.ts'
import { freePorts } from '../ports.ts'
import { describeProcesses, grpcOf, httpOf, planProcesses, type SystemPlan } from '../processes.ts'
import { DEMO, type Ports, PROGRAMS, type Program } from '../programs.ts'
import { describeStores, STORE_PORTS } from '../stores.ts'
import { type SupervisedProcess, Supervisor, type SupervisorEvent } from '../supervisor.ts'

export interface SystemOptions {
  readonly edges?: number
  readonly locations?: number
  /** How many there are of other programs, by their names. */
  readonly copies?: Readonly<Record<string, number>>
  /** Names from `programs.ts`, with what they depend on; all but the demo where left out. */
  readonly programs?: readonly string[]
  /** Settings for every process; those of stores, such as NATS_URL, take the place of a local server. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether a process that ends by itself is started again; a test that kills one restarts it itself. */
  readonly restart?: boolean
  readonly onEvent?: (event: SupervisorEvent) => void
  /** Each line of output as it is written; `output` keeps the newest. */
  readonly onLine?: (name: string, line: string) => void
}

export interface TestSystem extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` of each edge. */
  readonly edgeUrls: readonly string[]
  readonly serviceKey: string
  /** `127.0.0.1:PORT` of each copy of a program. */
  grpcOf(program: string): readonly string[]
  /** `http://127.0.0.1:PORT` of each copy of a program. */
  httpOf(program: string): readonly string[]
  /** Ports, addresses and keys of everything. */
  readonly plan: SystemPlan
  /** `nats`, `valkey`, `mongo`, `s3`, `clamd`, `directory`, `location` (or `location-1`…), `location-history`, `edge-1`… */
  process(name: string): SupervisedProcess
  /** What a process has written so far. */
  output(name: string): readonly string[]
}

const ALL_BUT_DEMO = PROGRAMS.map(({ name }) => name).filter((name) => name !== DEMO)
const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** A test that takes more output than this of one process is looking in the wrong place. */
const OUTPUT_LINES_MAX = 5000

/** Those named and, before each, what it depends on. */
function withDependencies(names: readonly string[]): Program[] {
  const wanted = new Set<string>()
  const want = (name: string): void => {
    const program = PROGRAMS.find((other) => other.name === name)
    if (program === undefined) throw new Error(`no program ${name}`)
    wanted.add(name)
    program.dependsOn?.forEach(want)
  }
  names.forEach(want)
  return PROGRAMS.filter(({ name }) => wanted.has(name))
}

function assignPorts(free: number[]): (name: string, program: Program) => Ports {
  const take = (wanted: number | undefined, kind: keyof Ports): Ports => {
    if (wanted === undefined) return {}
    const port = free.pop()
    if (port === undefined) throw new Error('more ports taken than asked for')
    return { [kind]: port }
  }
  return (_name, { ports: { http, grpc, ops } }) => ({
    ...take(http, 'http'),
    ...take(grpc, 'grpc'),
    ...take(grpc ?? ops, 'ops'),
  })
}

async function planSystem(
  folder: string,
  { edges, locations, copies: others = {}, env = {}, programs: names }: SystemOptions,
): Promise<{ plan: SystemPlan; specs: ProcessSpec[] }> {
  const programs = withDependencies(names ?? ALL_BUT_DEMO)
  const copies: Readonly<Record<string, number | undefined>> = { edge: edges, location: locations, ...others }
  const copiesOf = ({ name, copies: usual = 1 }: Program): number => copies[name] ?? usual
  const processes = programs.reduce((sum, program) => sum + copiesOf(program), 0)
  // All at once, so that none comes twice; at most three a process.
  const free = await freePorts(STORE_PORTS + 3 * processes)
  const ports = free.splice(0, STORE_PORTS)
  const { specs, stores } = await describeStores({ folder, programs, ports, given: env })
  const given = { ...process.env, ...env }
  const plan: SystemPlan = {
    root: ROOT,
    stores,
    keys: await readKeys(join(folder, 'keys'), programs, given),
    processes: planProcesses(programs, { copiesOf, portsOf: assignPorts(free) }),
    localStores: specs.map(({ name }) => name),
    env: given,
  }
  return { plan, specs: [...specs, ...describeProcesses(plan)] }
}

export async function startSystem(options: SystemOptions = {}): Promise<TestSystem> {
  const { restart = false, onEvent = () => undefined, onLine } = options
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-system-'))
  const { plan, specs } = await planSystem(folder, options)
  const output = new Map<string, string[]>()
  const supervisor = new Supervisor(specs, {
    restart,
    onEvent,
    onLine: ({ name }, line) => {
      onLine?.(name, line)
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
    get edgeUrls() {
      return httpOf(plan, 'edge')
    },
    grpcOf: (program) => grpcOf(plan, program),
    httpOf: (program) => httpOf(plan, program),
    serviceKey: plan.keys.serviceKey,
    plan,
    process: (name) => supervisor.process(name),
    output: (name) => output.get(name) ?? [],
    [Symbol.asyncDispose]: dispose,
  }
}
