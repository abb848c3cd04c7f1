/**
 * Tells a store that is busy from one that is away: an operation is given up
 * only where none has been answered for so long. In a flood each waits for its
 * turn, in the order in which they came.
 */
import { type Clock, systemClock } from '@hushryd/kernel/clock.ts'

export interface BusyStoreOptions {
  /** Operations at once: no more than the store's connections, so that none waits where it is not seen. */
  readonly placesMax: number
  readonly muteMs: number
  /** What an operation fails with that is given up. */
  readonly away: () => Error
  readonly clock?: Clock
}

interface Turn {
  readonly come: Promise<void>
  end(): void
}

export class BusyStore {
  readonly #options: BusyStoreOptions
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #inside = 0
  #answeredMs = 0

  constructor(options: BusyStoreOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** What was begun goes on behind an operation that is given up, and keeps nobody's place. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const gaveUp = Promise.withResolvers<never>()
    const stopWatching = this.#watch(gaveUp.reject)
    const turn = this.#takeTurn()
    try {
      await Promise.race([turn.come, gaveUp.promise])
      const result = await Promise.race([work(), gaveUp.promise])
      this.#answeredMs = this.#clock.nowMs()
      return result
    } finally {
      stopWatching()
      turn.end()
    }
  }

  #takeTurn(): Turn {
    const { promise: come, resolve } = Promise.withResolvers<void>()
    let isIn = false
    const enter = (): void => {
      isIn = true
      this.#inside += 1
      resolve()
    }
    if (this.#inside < this.#options.placesMax) enter()
    else this.#waiting.add(enter)
    return {
      come,
      end: () => {
        if (!isIn) {
          this.#waiting.delete(enter)
          return
        }
        this.#inside -= 1
        const [next] = this.#waiting
        if (next === undefined) return
        this.#waiting.delete(next)
        next()
      },
    }
  }

  #watch(giveUp: (error: Error) => void): () => void {
    const { muteMs, away } = this.#options
    const startMs = this.#clock.nowMs()
    const leftMs = (): number => Math.max(startMs, this.#answeredMs) + muteMs - this.#clock.nowMs()
    const look = (): void => {
      const waitMs = leftMs()
      timer = waitMs > 0 ? this.#clock.setTimer(look, waitMs) : this.#clock.setTimer(lookOnce, 0)
    }
    // What has come in is read first: a process that was busy is no store that is mute.
    const lookOnce = (): void => {
      if (leftMs() > 0) look()
      else giveUp(away())
    }
    let timer = this.#clock.setTimer(look, muteMs)
    return () => timer.cancel()
  }
}
