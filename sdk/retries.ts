/** Tries again what may work later, until it is told to stop or the time is over. */
import { Backoff } from './backoff.ts'
import { asHushrydError, HushrydError } from './error.ts'
import { type AbortSignalLike, newAbort, type Runtime, type Timer } from './runtime.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 30_000

export interface RetriesOptions {
  readonly runtime: Runtime
  readonly signal: AbortSignalLike | undefined
  /** For all tries of everything together. */
  readonly timeoutMs: number
  readonly onRetry: (error: HushrydError, retryInMs: number) => void
}

export class Retries {
  /** Ends what is under way when the app or the clock says so. */
  readonly signal: AbortSignalLike | undefined
  readonly #options: RetriesOptions
  readonly #timer: Timer
  readonly #end: (error: HushrydError) => void
  #ended: HushrydError | undefined
  #wake: (() => void) | undefined
  #isAwake = false

  constructor(options: RetriesOptions) {
    const { runtime, signal, timeoutMs } = options
    this.#options = options
    const abort = newAbort()
    this.signal = abort.signal
    this.#end = (error) => {
      this.#ended ??= error
      abort.abort()
      this.wake()
    }
    this.#timer = runtime.setTimer(
      () => this.#end(new HushrydError(`Not done within ${timeoutMs} ms.`, { code: 'DEADLINE_EXCEEDED' })),
      timeoutMs,
    )
    signal?.addEventListener('abort', this.#onAbort)
    if (signal?.aborted) this.#onAbort()
  }

  readonly #onAbort = (): void => this.#end(new HushrydError('It was cancelled.', { code: 'CANCELLED' }))

  /** Until an answer, or an error that trying again does not change. */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    const { runtime, onRetry } = this.#options
    const backoff = new Backoff({ firstMs: FIRST_MS, longestMs: LONGEST_MS, random: runtime.random })
    for (;;) {
      if (this.#ended !== undefined) throw this.#ended
      try {
        return await attempt()
      } catch (error) {
        if (this.#ended !== undefined) throw this.#ended
        const failure = asHushrydError(error)
        if (!failure.isRetryable) throw failure
        const retryInMs = Math.max(backoff.nextMs(), failure.retryAfterMs)
        onRetry(failure, retryInMs)
        await this.pause(retryInMs)
      }
    }
  }

  /** Rejects when all is ended meanwhile. */
  async pause(delayMs: number): Promise<void> {
    if (this.#ended === undefined && !this.#isAwake) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.runtime.setTimer(resolve, delayMs)
        this.#wake = () => {
          timer.cancel()
          resolve()
        }
      })
      this.#wake = undefined
    }
    this.#isAwake = false
    if (this.#ended !== undefined) throw this.#ended
  }

  /** Ends the pause there is, else the next: what this tells of may have come while something older was asked for. */
  wake(): void {
    this.#isAwake = true
    this.#wake?.()
  }

  /** Lets go of the clock and of the app's signal. */
  close(): void {
    this.#timer.cancel()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }
}
