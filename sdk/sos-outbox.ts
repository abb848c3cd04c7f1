/** Alerts without an answer, in the store: all under one key, so that a reload finds them. */
import type { Runtime } from './runtime.ts'
import type { SosRequest } from './sos-alert.ts'
import type { SosStore } from './sos-store.ts'

const KEY = 'sos'
/** A store that hangs must not hold up an alert. */
const STORE_TIMEOUT_MS = 1_000

export class SosOutbox {
  readonly #store: SosStore
  readonly #runtime: Runtime
  /** One change after the other: each reads, changes and writes the list. */
  #tail: Promise<unknown> = Promise.resolve()

  constructor(store: SosStore, runtime: Runtime) {
    this.#store = store
    this.#runtime = runtime
  }

  /** Empty where the store cannot be read. */
  async list(): Promise<SosRequest[]> {
    await this.#tail
    return this.#read()
  }

  /** Settles when the alert is stored, or when the store has failed or taken too long. */
  async add(request: SosRequest): Promise<void> {
    await this.#change((list) => [...list.filter(({ alertId }) => alertId !== request.alertId), request])
  }

  async remove(id: string): Promise<void> {
    await this.#change((list) => list.filter(({ alertId }) => alertId !== id))
  }

  #change(change: (list: readonly SosRequest[]) => SosRequest[]): Promise<void> {
    const done = this.#tail.then(async () => {
      const list = change(await this.#read())
      if (list.length === 0) await this.#store.remove(KEY)
      else await this.#store.set(KEY, JSON.stringify(list))
    })
    // A full or broken store is no reason not to call for help.
    const settled = done.catch(() => {})
    this.#tail = settled
    return this.#atMost(settled)
  }

  async #read(): Promise<SosRequest[]> {
    try {
      const list: unknown = JSON.parse((await this.#store.get(KEY)) ?? '[]')
      return Array.isArray(list) ? list.filter(isRequest) : []
    } catch {
      return []
    }
  }

  #atMost(work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#runtime.setTimer(resolve, STORE_TIMEOUT_MS)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function isRequest(value: unknown): value is SosRequest {
  return (
    typeof value === 'object' && value !== null && 'alertId' in value && typeof value.alertId === 'string'
  )
}
