/** Keeps a stream of the server running: opened again after each end, with growing waits while it fails. */
import { Backoff } from '../../sdk/backoff.ts'
import { asHushrydError, type HushrydError } from '../../sdk/error.ts'
import type { AbortSignalLike } from '../../sdk/runtime.ts'

const AGAIN_FIRST_MS = 500
const AGAIN_LONGEST_MS = 15_000

export interface KeptStream<T> {
  /** Asked anew each time, so that the request can go on where the last one ended. */
  open(signal: AbortSignalLike): AsyncIterable<T>
  /** Before the first message of each opening. */
  onOpen?(): void
  onMessage(message: T): void
  /** It ended, and will be opened again. */
  onEnd(error: HushrydError | undefined): void
  /** Opening it again would come to the same. */
  isFinal?(error: HushrydError): boolean
}

/** Answers how to stop. */
export function keepStream<T>(stream: KeptStream<T>): () => void {
  const stop = new AbortController()
  const backoff = new Backoff({
    firstMs: AGAIN_FIRST_MS,
    longestMs: AGAIN_LONGEST_MS,
    random: Math.random,
  })
  let timer: ReturnType<typeof setTimeout> | undefined

  async function run(): Promise<void> {
    let error: HushrydError | undefined
    try {
      stream.onOpen?.()
      for await (const message of stream.open(stop.signal)) {
        if (stop.signal.aborted) return
        backoff.reset()
        stream.onMessage(message)
      }
    } catch (caught) {
      error = asHushrydError(caught)
    }
    if (stop.signal.aborted) return
    stream.onEnd(error)
    if (error !== undefined && stream.isFinal?.(error) === true) return
    timer = setTimeout(() => void run(), Math.max(backoff.nextMs(), error?.retryAfterMs ?? 0))
  }

  void run()
  return () => {
    clearTimeout(timer)
    stop.abort()
  }
}
