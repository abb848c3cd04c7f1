/** A clock that stands still until the test moves it. */
import type { Clock, Timer } from '../clock.ts'

interface Due {
  readonly atMs: number
  readonly onDue: () => void
}

export class FakeClock implements Clock {
  #nowMs: number
  readonly #timers = new Set<Due>()

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  setTimer(onDue: () => void, delayMs: number): Timer {
    const due: Due = { atMs: this.#nowMs + delayMs, onDue }
    this.#timers.add(due)
    return { cancel: () => void this.#timers.delete(due) }
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** How long until the next timer; undefined where none waits. */
  get nextInMs(): number | undefined {
    const next = this.#next()
    return next === undefined ? undefined : next.atMs - this.#nowMs
  }

  #next(): Due | undefined {
    let next: Due | undefined
    for (const due of this.#timers) if (next === undefined || due.atMs < next.atMs) next = due
    return next
  }

  /** Fires what becomes due in order of time, letting promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    for (let next = this.#next(); next !== undefined && next.atMs <= endMs; next = this.#next()) {
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.onDue()
      await settle()
    }
    this.#nowMs = endMs
    await settle()
  }
}

/** Lets everything run that needs no further event: promise reactions and what they schedule at once. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
