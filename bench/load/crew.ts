/** The load's processes, told and asked as one. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadCommand, LoadPlan, LoadResult } from './load-worker.ts'

export interface Observation {
  readonly sent: number
  /** Positions that riders saw. */
  readonly seen: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly closed: number
  readonly errors: readonly string[]
  readonly loopLateMsMax: number
  /** What the generator itself used. */
  readonly cpuMs: number
}

/** Sockets that one worker holds: half of the usual limit on open files, so that there is room for the rest. */
const SOCKETS_PER_WORKER_MAX = 10_000

function ask(child: ChildProcess, command: LoadCommand): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: { answer?: unknown; error?: string }) => {
      if (message.error === undefined) resolve(message.answer)
      else reject(new Error(message.error))
    })
    child.send(command)
  })
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0)
}

function observe(results: readonly LoadResult[]): Observation {
  const seen = sum(results, ({ received }) => received)
  const counts: number[] = []
  for (const { latencyCounts } of results) {
    for (const [ms, count] of latencyCounts.entries()) counts[ms] = (counts[ms] ?? 0) + count
  }
  const percentile = (share: number): number => {
    let left = seen * share
    return counts.findIndex((count) => {
      left -= count
      return left <= 0
    })
  }
  return {
    sent: sum(results, ({ sent }) => sent),
    seen,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    p999Ms: percentile(0.999),
    closed: sum(results, ({ closed }) => closed),
    errors: results.flatMap(({ errors }) => errors).slice(0, 5),
    loopLateMsMax: Math.max(...results.map(({ loopLateMsMax }) => loopLateMsMax)),
    cpuMs: sum(results, ({ cpuMs }) => cpuMs),
  }
}

export class Crew implements Disposable {
  readonly #children: ChildProcess[]

  constructor(sockets: number) {
    const workers = Math.max(1, Math.ceil(sockets / SOCKETS_PER_WORKER_MAX))
    const script = fileURLToPath(new URL('load-worker.ts', import.meta.url))
    this.#children = Array.from({ length: workers }, () => fork(script, { serialization: 'advanced' }))
  }

  /** Connects everybody and waits until all riders follow. */
  async connect(plan: Omit<LoadPlan, 'worker'>): Promise<void> {
    const share = Math.ceil(plan.trips.length / this.#children.length)
    await Promise.all(
      this.#children.map((child, worker) => {
        const trips = plan.trips.slice(worker * share, (worker + 1) * share)
        return ask(child, { type: 'connect', plan: { ...plan, trips, worker } })
      }),
    )
  }

  /** `rate` is that of all drivers together, updates a second. */
  async measure(seconds: number, rate: number): Promise<Observation> {
    const each = rate / this.#children.length
    const results = await Promise.all(
      this.#children.map((child) => ask(child, { type: 'measure', seconds, rate: each })),
    )
    // Answers of `measure`, by the worker's own type.
    return observe(results as LoadResult[])
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.#children.map((child) => ask(child, { type: 'disconnect' })))
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.send({ type: 'end' } satisfies LoadCommand)
  }
}
