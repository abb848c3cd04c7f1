/**
 * When a value in Redis may be believed.
 *
 * Each write to MongoDB leaves a mark in the document it changes, in the same
 * atomic write. Every node lists the marked documents several times a second
 * (a sweep). A listed document is believed from Redis only at the listed
 * version or a newer one, and nothing is believed at all once the last whole
 * sweep began longer than TRUST_MS ago. So whatever happened to the process
 * that wrote, to its connection to Redis or to Redis itself, no node takes an
 * old value for fresh later than TRUST_MS after the write.
 *
 * Pure: callers supply the time, of a clock that never goes back.
 */

/** Leaves 300 ms of the promised second to the read itself and to a late timer. */
export const TRUST_MS = 700
/** Own writes and heard changes kept until a sweep has covered them. Past this only the sweep speaks. */
const RAISED_MAX = 20_000

interface Raised {
  readonly version: number
  readonly atMs: number
}

export class Freshness {
  #listed: ReadonlyMap<string, number> = new Map()
  readonly #raised = new Map<string, Raised>()
  #sweptAtMs = Number.NEGATIVE_INFINITY

  /** A change that this node made or heard of: known at once, before the next sweep lists it. */
  raise(key: string, version: number, nowMs: number): void {
    const known = this.#raised.get(key)
    if (known !== undefined) {
      // A map keeps the order of first insertion; the newest has to be last, for the bound below.
      this.#raised.delete(key)
      this.#raised.set(key, { version: Math.max(known.version, version), atMs: nowMs })
      return
    }
    if (this.#raised.size >= RAISED_MAX) {
      const [oldest] = this.#raised.keys()
      if (oldest !== undefined) this.#raised.delete(oldest)
    }
    this.#raised.set(key, { version, atMs: nowMs })
  }

  /** Takes over a sweep that saw every document marked at the time it began. */
  sweepDone(beganAtMs: number, listed: ReadonlyMap<string, number>): void {
    this.#listed = listed
    this.#sweptAtMs = beganAtMs
    for (const [key, { atMs }] of this.#raised) {
      if (atMs < beganAtMs) this.#raised.delete(key)
    }
  }

  /** The version below which a cached value is old; undefined while no cached value can be believed. */
  floorOf(key: string, nowMs: number): number | undefined {
    if (nowMs - this.#sweptAtMs > TRUST_MS) return undefined
    return Math.max(this.#listed.get(key) ?? 0, this.#raised.get(key)?.version ?? 0)
  }

  /** Whether a change of this key was made or heard of and is not yet settled. */
  isChanging(key: string): boolean {
    return this.#listed.has(key) || this.#raised.has(key)
  }
}
