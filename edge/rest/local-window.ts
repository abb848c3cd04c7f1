/**
 * A sliding window within this process, for while Redis is away: two counts
 * a key, of this window and the one before, whose share shrinks as time goes.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'

interface Counts {
  window: number
  now: number
  before: number
}

/** Then the oldest is forgotten: a flood of made-up keys costs memory only up to here. */
const KEYS_MAX = 20_000

export class LocalWindow {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #counts = new Map<string, Counts>()

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock
    this.#windowMs = windowMs
  }

  /** 0 where one more is within the limit, and counts it; else the time until it may be, in milliseconds. */
  take(key: string, limit: number): number {
    const nowMs = this.#clock.nowMs()
    const window = Math.floor(nowMs / this.#windowMs)
    const passed = nowMs / this.#windowMs - window
    const counts = this.#get(key, window)
    if (counts.before * (1 - passed) + counts.now >= limit) {
      return Math.max(1, Math.ceil((1 - passed) * this.#windowMs))
    }
    counts.now += 1
    return 0
  }

  #get(key: string, window: number): Counts {
    const known = this.#counts.get(key)
    // A Map keeps the order of insertion, so what was used last goes to the end.
    this.#counts.delete(key)
    const counts: Counts = {
      window,
      now: known?.window === window ? known.now : 0,
      before: known?.window === window ? known.before : known?.window === window - 1 ? known.now : 0,
    }
    this.#counts.set(key, counts)
    if (this.#counts.size > KEYS_MAX) {
      for (const oldest of this.#counts.keys()) {
        this.#counts.delete(oldest)
        break
      }
    }
    return counts
  }
}
