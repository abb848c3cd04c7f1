/**
 * Collects what comes while the last batch is under way, and then commits all
 * of it at once: an item that comes alone goes at once, and a flood costs
 * batches. No timer, so nothing waits for company that does not come.
 */
import { outsideSpans } from '@hushryd/kernel/tracing.ts'

export interface GroupCommitOptions<T> {
  readonly batchMax: number
  /** Never rejects: what becomes of each item is told by other ways. */
  readonly commit: (batch: readonly T[]) => Promise<void>
}

export class GroupCommit<T> {
  readonly #options: GroupCommitOptions<T>
  #waiting: T[] = []
  #running: Promise<void> | undefined

  constructor(options: GroupCommitOptions<T>) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(item: T): void {
    this.#waiting.push(item)
    this.#running ??= outsideSpans(() => this.#drain())
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #drain(): Promise<void> {
    // The rest of what is being added in this turn belongs to the first batch.
    await Promise.resolve()
    const { batchMax, commit } = this.#options
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.length <= batchMax ? this.#waiting : this.#waiting.splice(0, batchMax)
      if (batch === this.#waiting) this.#waiting = []
      await commit(batch)
    }
    this.#running = undefined
  }
}
