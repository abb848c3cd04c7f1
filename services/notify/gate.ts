/**
 * How much one provider gets at once and in a second. Whoever has the higher
 * priority goes first, however many wait.
 */
import type { Clock, Timer } from '@hushryd/kernel/clock.ts'
import { PRIORITIES, type Priority } from './notification.ts'

export interface GateOptions {
  readonly concurrencyMax: number
  readonly ratePerSecond: number
  readonly clock: Clock
}

interface Waiting {
  readonly admit: () => void
}

const SECOND_MS = 1000

export class Gate {
  readonly #options: GateOptions
  readonly #waiting: Readonly<Record<Priority, Set<Waiting>>> = {
    high: new Set(),
    normal: new Set(),
    low: new Set(),
  }
  #inside = 0
  /** Of the token bucket, which holds a second's worth. */
  #tokens: number
  #filledMs: number
  #refill: Timer | undefined

  constructor(options: GateOptions) {
    this.#options = options
    this.#tokens = options.ratePerSecond
    this.#filledMs = options.clock.nowMs()
  }

  /** Resolves with how to leave; undefined where there was no place in time. */
  async enter(priority: Priority, waitMs: number): Promise<(() => void) | undefined> {
    const admitted = Promise.withResolvers<boolean>()
    const waiting: Waiting = { admit: () => admitted.resolve(true) }
    this.#waiting[priority].add(waiting)
    this.#admitAll()
    const timer = this.#options.clock.setTimer(() => {
      if (this.#waiting[priority].delete(waiting)) admitted.resolve(false)
    }, waitMs)
    const isIn = await admitted.promise
    timer.cancel()
    if (!isIn) return undefined
    let isOut = false
    return () => {
      if (isOut) return
      isOut = true
      this.#inside -= 1
      this.#admitAll()
    }
  }

  #fill(): void {
    const { clock, ratePerSecond } = this.#options
    const nowMs = clock.nowMs()
    // A clock that was set back gives nothing.
    const passedMs = Math.max(0, nowMs - this.#filledMs)
    this.#tokens = Math.min(ratePerSecond, this.#tokens + (passedMs * ratePerSecond) / SECOND_MS)
    this.#filledMs = nowMs
  }

  #admitAll(): void {
    const { concurrencyMax, ratePerSecond, clock } = this.#options
    this.#fill()
    for (const priority of PRIORITIES) {
      for (const waiting of this.#waiting[priority]) {
        if (this.#inside >= concurrencyMax) return
        if (this.#tokens < 1) {
          this.#refill ??= clock.setTimer(
            () => {
              this.#refill = undefined
              this.#admitAll()
            },
            Math.ceil(((1 - this.#tokens) * SECOND_MS) / ratePerSecond),
          )
          return
        }
        this.#tokens -= 1
        this.#inside += 1
        this.#waiting[priority].delete(waiting)
        waiting.admit()
      }
    }
  }
}
