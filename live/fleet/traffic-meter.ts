/** What arrives: updates a second, and how old positions are when they do. Pure but for the time it is given. */

/** Counted over this time, so that the figures are calm and still of now. */
const WINDOW_MS = 10_000
/** Delays that are kept of a second; more come from a fleet whose first thousands tell it as well. */
const DELAYS_MAX = 2_000

export interface Traffic {
  readonly updatesPerSecond: number
  /** Undefined while nothing arrives. */
  readonly delayP50Ms: number | undefined
  readonly delayP99Ms: number | undefined
}

/** Nearest rank; `sorted` rises. */
export function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
}

interface Second {
  readonly startMs: number
  count: number
  readonly delaysMs: number[]
}

export class TrafficMeter {
  #seconds: Second[] = []
  #startMs: number | undefined

  count(delayMs: number, nowMs: number): void {
    this.#startMs ??= nowMs
    const startMs = Math.floor(nowMs / 1_000) * 1_000
    let second = this.#seconds.at(-1)
    if (second?.startMs !== startMs) {
      second = { startMs, count: 0, delaysMs: [] }
      this.#seconds.push(second)
    }
    second.count += 1
    if (second.delaysMs.length < DELAYS_MAX) second.delaysMs.push(delayMs)
  }

  read(nowMs: number): Traffic {
    this.#seconds = this.#seconds.filter(({ startMs }) => startMs > nowMs - WINDOW_MS)
    const sorted = this.#seconds.flatMap(({ delaysMs }) => delaysMs).sort((a, b) => a - b)
    const windowMs = Math.min(WINDOW_MS, Math.max(1000, nowMs - (this.#startMs ?? nowMs)))
    const count = this.#seconds.reduce((sum, second) => sum + second.count, 0)
    return {
      updatesPerSecond: (count * 1000) / windowMs,
      delayP50Ms: percentile(sorted, 0.5),
      delayP99Ms: percentile(sorted, 0.99),
    }
  }
}
