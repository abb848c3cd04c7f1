/** One system under one kind of work: its highest rate, and what an update costs at a common rate. */
import { cpuTimeMs, residentBytes } from '../load/cpu-time.ts'
import { Crew, type Observation } from '../load/crew.ts'
import type { Encoding } from '../load/dialect.ts'
import { findHighestRate } from './search.ts'
import type { BenchSystem } from './systems.ts'

export interface Work {
  readonly sockets: number
  readonly followers: number
  readonly encoding: Encoding
  /** Updates a second at which the CPU of an update is compared. */
  readonly commonRate: number
  readonly startRate: number
  readonly seconds: number
}

export interface Measured {
  readonly system: string
  readonly encoding: Encoding
  readonly followers: number
  readonly sockets: number
  readonly connectSeconds: number
  /** Updates a second at p99 < 100 ms with nothing lost. */
  readonly maxRate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** At the common rate, of all that works for a position's way to the followers. */
  readonly cpuUs: number
  /** Beside it: the directory and, where it is kept, the history. */
  readonly backgroundCpuUs: number
  readonly generatorCpuUs: number
  readonly cpuUsByProcess: Readonly<Record<string, number>>
  readonly residentMb: number
}

/** The promise. */
const P99_MS = 100
/** Less than this seen of what was sent: the system falls behind or drops. */
const SEEN_SHARE = 0.995
const WARM_UP_S = 1.5
const TRIES_MAX = 5

export function holdsPromise({ sent, seen, p99Ms, closed }: Observation, followers: number): boolean {
  return closed === 0 && p99Ms < P99_MS && seen >= sent * followers * SEEN_SHARE
}

async function cpuOf(pids: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  return new Map(
    await Promise.all([...pids].map(async ([name, pid]) => [name, await cpuTimeMs(pid)] as const)),
  )
}

function usedUs(
  before: Map<string, number>,
  after: Map<string, number>,
  updates: number,
): Map<string, number> {
  return new Map([...after].map(([name, ms]) => [name, ((ms - (before.get(name) ?? 0)) * 1_000) / updates]))
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

export async function measureSystem(
  system: BenchSystem,
  { sockets, followers, encoding, commonRate, startRate, seconds }: Work,
  say: (text: string) => void,
): Promise<Measured> {
  const trips = system.trips.slice(0, Math.floor(sockets / (1 + followers)))
  using crew = new Crew(sockets)
  const startedMs = performance.now()
  await crew.connect({ dialect: system.dialect, encoding, trips, followers, nodes: system.nodes })
  const connectSeconds = (performance.now() - startedMs) / 1_000

  await crew.measure(WARM_UP_S, commonRate)
  const before = await cpuOf(system.pids)
  const backgroundBefore = await cpuOf(system.backgroundPids)
  const common = await crew.measure(seconds, commonRate)
  const byProcess = usedUs(before, await cpuOf(system.pids), common.sent)
  const background = usedUs(backgroundBefore, await cpuOf(system.backgroundPids), common.sent)

  let best: Observation | undefined
  const maxRate = await findHighestRate({
    startRate,
    triesMax: TRIES_MAX,
    async holds(rate) {
      await crew.measure(WARM_UP_S, rate)
      const seen = await crew.measure(seconds, rate)
      const isHeld = holdsPromise(seen, followers)
      say(
        `  ${Math.round(rate)}/s: p50 ${seen.p50Ms} ms, p99 ${seen.p99Ms} ms, ` +
          `${((seen.seen / seen.sent / followers) * 100).toFixed(1)} % seen${isHeld ? '' : ', too much'}`,
      )
      for (const error of seen.errors) say(`  error: ${error}`)
      if (isHeld && rate > (best === undefined ? 0 : best.sent / seconds)) best = seen
      return isHeld
    },
  })
  const resident = await Promise.all([...system.pids.values()].map((pid) => residentBytes(pid)))
  await crew.disconnect()
  return {
    system: system.name,
    encoding,
    followers,
    sockets,
    connectSeconds,
    maxRate,
    p50Ms: best?.p50Ms ?? common.p50Ms,
    p99Ms: best?.p99Ms ?? common.p99Ms,
    cpuUs: sum(byProcess.values()),
    backgroundCpuUs: sum(background.values()),
    generatorCpuUs: (common.cpuMs * 1_000) / common.sent,
    cpuUsByProcess: Object.fromEntries([...byProcess, ...background]),
    residentMb: sum(resident) / 1e6,
  }
}
