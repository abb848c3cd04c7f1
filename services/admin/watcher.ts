/** One watcher's line of messages: shared with the others of its group, and bounded. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'

/** Thousands of events; past it the watcher is too slow, and comes back where it was. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024

export class Watcher {
  readonly #waiting: Uint8Array[] = []
  #bytes = 0
  #error: Error | undefined
  #wake: (() => void) | undefined

  push(message: Uint8Array): void {
    if (this.#error !== undefined) return
    this.#waiting.push(message)
    this.#bytes += message.length
    if (this.#bytes > WAITING_BYTES_MAX) this.fail(tooSlow())
    else this.#wake?.()
  }

  /** What waits is given up. */
  fail(error: Error): void {
    this.#error ??= error
    this.#waiting.length = 0
    this.#wake?.()
  }

  /** Ends by the signal or by what it failed with. */
  async *messages(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    while (true) {
      signal.throwIfAborted()
      if (this.#error !== undefined) throw this.#error
      const message = this.#waiting.shift()
      if (message === undefined) {
        await this.#more(signal)
        continue
      }
      this.#bytes -= message.length
      yield message
    }
  }

  async #more(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#wake = wake
    signal.addEventListener('abort', wake)
    await promise
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }
}

function tooSlow(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_UNAVAILABLE,
    'The stream is read too slowly; watch again after the last sequence.',
  )
}
