/** What arrives: updates a second, and how old positions are when they do. Pure but for the time it is given. */

/** Counted over this time, so that the figures are calm and still of now. */
const WINDOW_MS = 10_000
const SAMPLES_MAX = 20_000

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

export class TrafficMeter {
  #samples: { readonly atMs: number; readonly delayMs: number }[] = []
  #startMs: number | undefined

  count(delayMs: number, nowMs: number): void {
    this.#startMs ??= nowMs
    this.#samples.push({ atMs: nowMs, delayMs })
    if (this.#samples.length > SAMPLES_MAX * 2) this.#samples = this.#samples.slice(-SAMPLES_MAX)
  }

  read(nowMs: number): Traffic {
    this.#samples = this.#samples.filter(({ atMs }) => atMs > nowMs - WINDOW_MS)
    const sorted = this.#samples.map(({ delayMs }) => delayMs).sort((a, b) => a - b)
    const windowMs = Math.min(WINDOW_MS, Math.max(1000, nowMs - (this.#startMs ?? nowMs)))
    return {
      updatesPerSecond: (sorted.length * 1000) / windowMs,
      delayP50Ms: percentile(sorted, 0.5),
      delayP99Ms: percentile(sorted, 0.99),
    }
  }
}
