/** A clock that stands still until the test moves it. */
import type { Timer } from '../runtime.ts'

interface Due {
  readonly atMs: number
  readonly onDue: () => void
}

export class FakeClock {
  #nowMs = 1_700_000_000_000
  readonly #timers = new Set<Due>()

  nowMs(): number {
    return this.#nowMs
  }

  setTimer(onDue: () => void, delayMs: number): Timer {
    const due: Due = { atMs: this.#nowMs + delayMs, onDue }
    this.#timers.add(due)
    return { cancel: () => void this.#timers.delete(due) }
  }

  get pending(): number {
    return this.#timers.size
  }

  /** Fires what becomes due in order of time, letting promises settle before and after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await settle()
    for (let next = this.#next(); next !== undefined && next.atMs <= endMs; next = this.#next()) {
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.onDue()
      await settle()
    }
    this.#nowMs = endMs
  }

  #next(): Due | undefined {
    let next: Due | undefined
    for (const due of this.#timers) if (next === undefined || due.atMs < next.atMs) next = due
    return next
  }
}

/** Lets everything run that needs no further event. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
