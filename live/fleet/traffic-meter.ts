/** What arrives: updates a second, and how old positions are when they do. Pure but for the time it is given. */

/** Counted over this time, so that the figures are calm and still of now. */
const WINDOW_MS = 10_000
/** Counted together: the window moves in steps of this. */
const SLICE_MS = 250
/** Delays that are kept of a slice; more come from a fleet whose first hundreds tell it as well. */
const DELAYS_MAX = 500

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

interface Slice {
  readonly startMs: number
  count: number
  readonly delaysMs: number[]
}

export class TrafficMeter {
  #slices: Slice[] = []
  #startMs: number | undefined

  count(delayMs: number, nowMs: number): void {
    this.#startMs ??= nowMs
    const startMs = Math.floor(nowMs / SLICE_MS) * SLICE_MS
    let slice = this.#slices.at(-1)
    if (slice?.startMs !== startMs) {
      slice = { startMs, count: 0, delaysMs: [] }
      this.#slices.push(slice)
    }
    slice.count += 1
    if (slice.delaysMs.length < DELAYS_MAX) slice.delaysMs.push(delayMs)
  }

  read(nowMs: number): Traffic {
    this.#slices = this.#slices.filter(({ startMs }) => startMs > nowMs - WINDOW_MS)
    const sorted = this.#slices.flatMap(({ delaysMs }) => delaysMs).sort((a, b) => a - b)
    const windowMs = Math.min(WINDOW_MS, Math.max(1000, nowMs - (this.#startMs ?? nowMs)))
    const count = this.#slices.reduce((sum, slice) => sum + slice.count, 0)
    return {
      updatesPerSecond: (count * 1000) / windowMs,
      delayP50Ms: percentile(sorted, 0.5),
      delayP99Ms: percentile(sorted, 0.99),
    }
  }
}
