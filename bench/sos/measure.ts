/** Bursts of alerts, and a stream of them as fast as they are done: how long each takes, and what it costs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuTimeMs } from '../load/cpu-time.ts'
import type { PlainAlert } from '../peers/sos-work.ts'
import { percentileOf } from './figures.ts'
import type { SosSystem } from './system.ts'

export interface Burst {
  readonly alerts: number
  readonly failed: number
  /** From the trigger to the end of all that there is to do for the alert. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly perSecond: number
  /** CPU an alert, by process, also what is done for it after the answer. */
  readonly cpuUs: Readonly<Record<string, number>>
  /** Of the generator, which plays the edges or the API servers. */
  readonly generatorCpuUs: number
}

export interface Sustained {
  readonly seconds: number
  readonly perSecond: number
  readonly p99Ms: number
  readonly failed: number
}

const BURST_MS_MAX = 180_000
/** So many are on their way at any time. */
const ON_THE_WAY = 4_000
const STEP_MS = 2
const TRIPS = 100
const PROBLEMS_SHOWN = 3

let runs = 0

function makeAlerts(run: number, from: number, count: number): PlainAlert[] {
  return Array.from({ length: count }, (_, index) => ({
    alertId: `bench-${run}-${from + index}`,
    userId: `user-bench-${run}-${from + index}`,
    tripId: `trip-${(from + index) % TRIPS}`,
    location: { lat: 17.4, lng: 78.5, accuracy: 5 },
  }))
}

/** Takes the time of each alert. */
class Flight {
  readonly latenciesMs: number[] = []
  readonly problems: string[] = []
  readonly #system: SosSystem
  readonly #sentAtMs = new Map<string, number>()
  #landed = Promise.withResolvers<void>()

  constructor(system: SosSystem) {
    this.#system = system
    system.onDone = (alertId, problem) => {
      const sentAtMs = this.#sentAtMs.get(alertId)
      if (sentAtMs === undefined) return
      this.#sentAtMs.delete(alertId)
      if (problem === undefined) this.latenciesMs.push(performance.now() - sentAtMs)
      else this.problems.push(problem)
      if (this.#sentAtMs.size === 0) this.#landed.resolve()
    }
  }

  get onTheWay(): number {
    return this.#sentAtMs.size
  }

  raise(alerts: readonly PlainAlert[]): void {
    const nowMs = performance.now()
    for (const { alertId } of alerts) this.#sentAtMs.set(alertId, nowMs)
    this.#landed = Promise.withResolvers()
    this.#system.raise(alerts)
  }

  /** Until all are done. */
  async land(): Promise<void> {
    const stopped = new AbortController()
    const late = sleep(BURST_MS_MAX, undefined, { signal: stopped.signal }).then(
      () => Promise.reject(new Error(`${this.onTheWay} alerts were not done within ${BURST_MS_MAX} ms`)),
      () => undefined,
    )
    await Promise.race([this.#landed.promise, late]).finally(() => stopped.abort())
    for (const problem of this.problems.slice(0, PROBLEMS_SHOWN)) console.log(`  failed: ${problem}`)
  }
}

async function cpuOf({ pids }: SosSystem): Promise<Map<string, number>> {
  return new Map(
    await Promise.all([...pids].map(async ([name, pid]) => [name, await cpuTimeMs(pid)] as const)),
  )
}

const REST_MS = 300
/** Of a core, all processes together. */
const REST_SHARE = 0.08
const REST_MS_MAX = 20_000

/** Until nothing is done any more: what follows an alert's answer belongs to its cost, and not to the next one's. */
export async function rest(system: SosSystem): Promise<Map<string, number>> {
  const total = (cpu: Map<string, number>): number => [...cpu.values()].reduce((sum, ms) => sum + ms, 0)
  const untilMs = performance.now() + REST_MS_MAX
  let before = await cpuOf(system)
  for (;;) {
    await sleep(REST_MS)
    const after = await cpuOf(system)
    if (total(after) - total(before) < REST_MS * REST_SHARE || performance.now() > untilMs) return after
    before = after
  }
}

export async function measureBurst(system: SosSystem, count: number): Promise<Burst> {
  runs += 1
  const alerts = makeAlerts(runs, 0, count)
  const flight = new Flight(system)
  const before = await rest(system)
  const generatorBefore = process.cpuUsage()
  const startedMs = performance.now()
  flight.raise(alerts)
  await flight.land()
  const tookMs = performance.now() - startedMs
  const generator = process.cpuUsage(generatorBefore)
  const after = await rest(system)
  const { latenciesMs, problems } = flight
  return {
    alerts: count,
    failed: problems.length,
    p50Ms: percentileOf(latenciesMs, 0.5),
    p99Ms: percentileOf(latenciesMs, 0.99),
    maxMs: percentileOf(latenciesMs, 1),
    perSecond: (latenciesMs.length * 1_000) / tookMs,
    cpuUs: Object.fromEntries(
      [...after].map(([name, ms]) => [name, ((ms - (before.get(name) ?? 0)) * 1_000) / count]),
    ),
    generatorCpuUs: (generator.user + generator.system) / count,
  }
}

/** As many as can be done, for some seconds: new ones go out as others are done. */
export async function measureSustained(system: SosSystem, seconds: number): Promise<Sustained> {
  runs += 1
  const flight = new Flight(system)
  await rest(system)
  const startedMs = performance.now()
  let sent = 0
  while (performance.now() - startedMs < seconds * 1_000) {
    const alerts = makeAlerts(runs, sent, ON_THE_WAY - flight.onTheWay)
    sent += alerts.length
    if (alerts.length > 0) flight.raise(alerts)
    await sleep(STEP_MS)
  }
  await flight.land()
  const tookMs = performance.now() - startedMs
  return {
    seconds: tookMs / 1_000,
    perSecond: (flight.latenciesMs.length * 1_000) / tookMs,
    p99Ms: percentileOf(flight.latenciesMs, 0.99),
    failed: flight.problems.length,
  }
}
