/** How far the history is behind, as metrics. */
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { HISTORY_LAG_MS, HISTORY_PENDING } from './history-events.ts'

export class HistoryLag {
  readonly #clock: Clock
  #pending = 0
  /** Something has been pulled that is not in MongoDB. */
  #isBehind = false
  #storedMs: number

  constructor(clock: Clock, metrics: Metrics) {
    this.#clock = clock
    this.#storedMs = clock.nowMs()
    metrics.gauge(HISTORY_PENDING, () => this.#pending)
    metrics.gauge(HISTORY_LAG_MS, () => this.lagMs)
  }

  get lagMs(): number {
    return this.#isBehind ? Math.max(0, this.#clock.nowMs() - this.#storedMs) : 0
  }

  /** A batch has come, after which so many messages wait. */
  pulled(pending: number): void {
    this.#pending = pending
    this.#isBehind = true
  }

  /** The batch is in MongoDB; its newest message was published then. */
  stored(publishedMs: number): void {
    this.#storedMs = publishedMs
    this.#isBehind = this.#pending > 0
  }
}
