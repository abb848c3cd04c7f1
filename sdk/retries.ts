/** Tries again what may work later, until it is told to stop or the time is over. */
import { Backoff } from './backoff.ts'
import { asHushrydError, HushrydError } from './error.ts'
import { type AbortSignalLike, newAbort, type Runtime } from './runtime.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 30_000

export interface RetriesOptions {
  readonly runtime: Runtime
  readonly signal: AbortSignalLike | undefined
  /** For all tries of everything together. */
  readonly timeoutMs: number
  readonly onRetry: (error: HushrydError, retryInMs: number) => void
}

export interface Retries {
  /** Ends what is under way when the app or the clock says so. */
  readonly signal: AbortSignalLike | undefined
  /** Until an answer, or an error that trying again does not change. */
  run<T>(attempt: () => Promise<T>): Promise<T>
  /** Rejects when all is ended meanwhile. */
  pause(delayMs: number): Promise<void>
  /** Ends the pause there is, else the next: what this tells of may have come while something older was asked for. */
  wake(): void
  /** Lets go of the clock and of the app's signal. */
  close(): void
}

export function createRetries({ runtime, signal, timeoutMs, onRetry }: RetriesOptions): Retries {
  const abort = newAbort()
  let ended: HushrydError | undefined
  let endPause: (() => void) | undefined
  let isAwake = false

  function end(error: HushrydError): void {
    ended ??= error
    abort.abort()
    wake()
  }
  const onAbort = (): void => end(new HushrydError('It was cancelled.', { code: 'CANCELLED' }))
  const timer = runtime.setTimer(
    () => end(new HushrydError(`Not done within ${timeoutMs} ms.`, { code: 'DEADLINE_EXCEEDED' })),
    timeoutMs,
  )
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted) onAbort()

  function wake(): void {
    isAwake = true
    endPause?.()
  }

  async function pause(delayMs: number): Promise<void> {
    if (!isAwake) {
      await new Promise<void>((resolve) => {
        const due = runtime.setTimer(resolve, delayMs)
        endPause = () => {
          due.cancel()
          resolve()
        }
      })
      endPause = undefined
    }
    isAwake = false
    if (ended !== undefined) throw ended
  }

  return {
    signal: abort.signal,
    async run(attempt) {
      const backoff = new Backoff({ firstMs: FIRST_MS, longestMs: LONGEST_MS, random: runtime.random })
      for (;;) {
        if (ended !== undefined) throw ended
        try {
          return await attempt()
        } catch (error) {
          if (ended !== undefined) throw ended
          const failure = asHushrydError(error)
          if (!failure.isRetryable) throw failure
          const retryInMs = Math.max(backoff.nextMs(), failure.retryAfterMs)
          onRetry(failure, retryInMs)
          await pause(retryInMs)
        }
      }
    },
    pause,
    wake,
    close() {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    },
  }
}
