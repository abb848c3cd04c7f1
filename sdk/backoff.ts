/** Waits before retries: doubling up to a bound, with full jitter so that clients never come back in step. */
export class Backoff {
  readonly #firstMs: number
  readonly #longestMs: number
  readonly #random: () => number
  #attempts = 0

  constructor(options: {
    readonly firstMs: number
    readonly longestMs: number
    readonly random: () => number
  }) {
    this.#firstMs = options.firstMs
    this.#longestMs = options.longestMs
    this.#random = options.random
  }

  /** Anywhere from nothing to the bound. */
  nextMs(): number {
    const boundMs = Math.min(this.#longestMs, this.#firstMs * 2 ** this.#attempts)
    this.#attempts += 1
    return this.#random() * boundMs
  }

  reset(): void {
    this.#attempts = 0
  }
}
