/**
 * Requests in their turn: a flood of them waits here, in order and within its
 * deadlines, and not at the database, where those that come last would fail.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { WorkBudget } from './work-budget.ts'

/** As many as the database does well; it has more connections than that. */
const AT_ONCE = 32
/** Some seconds of work; who comes later is told to come back. */
const WAITING_MAX = 20_000
const RETRY_AFTER_MS = 2_000

export class Turns {
  readonly #budget = new WorkBudget(AT_ONCE)

  async take<T>(deadlineMs: number | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#budget.waiting >= WAITING_MAX) {
      throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'Too many requests wait.', {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    return await this.#budget.run(1, async () => {
      // Nobody waits for the answer any more.
      if (deadlineMs !== undefined && deadlineMs <= Date.now())
        throw new DomainError(ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED, 'The request waited too long.')
      return await work()
    })
  }
}
