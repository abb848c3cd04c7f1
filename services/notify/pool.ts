/** So many things at once and no more, with a word when there is room again. */
export class Pool {
  readonly #size: number
  readonly #running = new Set<Promise<void>>()

  constructor(size: number) {
    this.#size = size
  }

  get free(): number {
    return this.#size - this.#running.size
  }

  /** Resolves when there is room. */
  async room(): Promise<void> {
    while (this.free <= 0) await Promise.race(this.#running)
  }

  /** The work deals with its own errors. */
  start(work: () => Promise<void>): void {
    const running = work().finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }
}
