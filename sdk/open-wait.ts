/** Who waits for the connection, and how long. */
import type { CallOptions } from './call-options.ts'
import type { ConnectionState } from './connection.ts'
import { HushrydError, unavailable } from './error.ts'
import type { Runtime } from './runtime.ts'

const TIMEOUT_MS = 10_000

export class OpenWait {
  readonly #runtime: Runtime
  readonly #waiting = new Set<(error?: HushrydError) => void>()
  #state: ConnectionState = 'closed'

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  onState(state: ConnectionState): void {
    this.#state = state
    if (state === 'open') this.#settle()
    else if (this.#isIdle) this.#settle(unavailable('There is no connection.'))
  }

  /** Rejects at once where nothing is being done about a connection. */
  untilOpen({ timeoutMs = TIMEOUT_MS, signal }: CallOptions): Promise<void> {
    if (this.isOpen) return Promise.resolve()
    if (this.#isIdle) return Promise.reject(unavailable('There is no connection; connect() makes one.'))
    return new Promise((resolve, reject) => {
      const settle = (error?: HushrydError): void => {
        this.#waiting.delete(settle)
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        if (error === undefined) resolve()
        else reject(error)
      }
      const onAbort = (): void => settle(new HushrydError('The call was cancelled.', { code: 'CANCELLED' }))
      const timer = this.#runtime.setTimer(
        () => settle(unavailable('There is no connection yet.')),
        timeoutMs,
      )
      signal?.addEventListener('abort', onAbort)
      this.#waiting.add(settle)
    })
  }

  get #isIdle(): boolean {
    return this.#state === 'closed' || this.#state === 'stopped'
  }

  #settle(error?: HushrydError): void {
    for (const settle of [...this.#waiting]) settle(error)
  }
}
