/**
 * Messages that were published together: each has an outcome of its own, and
 * all share what waiting for them costs, one promise and one entry in a map.
 */

const OPEN = 0
const STORED = 1
const FAILED = 2

export class PublishedBatch {
  readonly #states: Uint8Array
  readonly #ended = Promise.withResolvers<void>()
  #open: number

  constructor(messages: number) {
    this.#states = new Uint8Array(messages)
    this.#open = messages
    if (messages === 0) this.#ended.resolve()
  }

  /** Without an outcome so far. */
  get open(): number {
    return this.#open
  }

  /** Resolves once each has its outcome; never rejects. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Which are stored so far, by their places. */
  kept(): boolean[] {
    return Array.from(this.#states, (state) => state === STORED)
  }

  /** Answers false where that is known already, or there is no such message. */
  settle(place: number, isStored: boolean): boolean {
    if (this.#states[place] !== OPEN) return false
    this.#states[place] = isStored ? STORED : FAILED
    this.#open -= 1
    if (this.#open === 0) this.#ended.resolve()
    return true
  }

  /** Those that are open are taken for failed; answers how many they were. */
  giveUp(): number {
    const given = this.#open
    this.#states.forEach((state, place) => {
      if (state === OPEN) this.settle(place, false)
    })
    return given
  }
}
