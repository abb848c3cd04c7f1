/**
 * One alert: sent, and sent again under the same id, until an edge has answered.
 *
 * Never given up, because the person may have nobody else; never a second
 * alert, because the id names it from before the first try.
 */

import { Emitter, tell } from './emitter.ts'
import { asHushrydError, type HushrydError } from './error.ts'
import { CALLS } from './generated/tables.ts'
import type { Alert, EventFrame, TriggerSosRequest, TriggerSosResponse } from './generated/types.ts'
import { type Method, methodOf } from './method.ts'
import type { Runtime, Timer } from './runtime.ts'

const TRIGGER = methodOf(CALLS.sos, 'triggerSos')
const CANCEL = methodOf(CALLS.sos, 'cancelAlert')

const RETRY_FIRST_MS = 500
const RETRY_LONGEST_MS = 5_000

export type SosRequest = TriggerSosRequest

export type SosUpdate =
  | { readonly step: 'sending'; readonly attempt: number }
  /** Not answered yet; tell the person to call for help by other ways, too. */
  | { readonly step: 'retrying'; readonly error: HushrydError; readonly retryInMs: number }
  /** The alert is in HushRyd's hands; its legs say how far each part is. */
  | { readonly step: 'received'; readonly answer: TriggerSosResponse }
  /** The id belongs to another person's alert: one raised on this device before somebody else signed in. */
  | { readonly step: 'refused'; readonly error: HushrydError }
  /** Something happened to the alert: a contact was reached, someone has seen it. */
  | { readonly step: 'event'; readonly event: EventFrame }

export interface SosHandle {
  readonly alertId: string
  /** The first answer; only an alert that was refused rejects. */
  readonly received: Promise<TriggerSosResponse>
  /** A new listener is first told the last update. Answers how to stop listening. */
  on(name: 'update', listener: (update: SosUpdate) => void): () => void
  /**
   * Calls the alert off. Waits until it is received: what the PIN means is for
   * HushRyd to judge. Rejects for a wrong PIN.
   */
  cancel(pin: string): Promise<Alert | undefined>
}

export interface SosAlertOptions {
  readonly runtime: Runtime
  readonly request: SosRequest
  /** By whatever way there is; rejects where none has brought an answer. */
  readonly ask: (method: Method, request: SosRequest | { alertId: string; pin: string }) => Promise<unknown>
  /** Before the first try. */
  readonly store: () => Promise<void>
  /** It needs no more tries. */
  readonly onSettled: () => void
}

export class SosAlert implements SosHandle {
  readonly alertId: string
  readonly tripId: string | undefined
  readonly received: Promise<TriggerSosResponse>
  readonly #options: SosAlertOptions
  readonly #updates = new Emitter<{ update: SosUpdate }>()
  #lastUpdate: SosUpdate | undefined
  #pause: { readonly timer: Timer; readonly end: () => void } | undefined

  constructor(options: SosAlertOptions) {
    this.#options = options
    this.alertId = options.request.alertId
    this.tripId = options.request.tripId
    this.received = this.#deliver()
    // Whoever only listens to updates is told of a refusal there.
    this.received.catch(() => {})
  }

  on(name: 'update', listener: (update: SosUpdate) => void): () => void {
    const off = this.#updates.on(name, listener)
    if (this.#lastUpdate !== undefined) tell(listener, this.#lastUpdate)
    return off
  }

  async cancel(pin: string): Promise<Alert | undefined> {
    await this.received
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.#options.ask(CANCEL, { alertId: this.alertId, pin })
        return (answer as { readonly alert?: Alert }).alert
      } catch (error) {
        const failure = asHushrydError(error)
        // A PIN that was wrong too often is refused with a time to wait, which is the person's to know.
        if (!failure.isRetryable || failure.code === 'RESOURCE_EXHAUSTED') throw failure
        await this.#pauseFor(this.#delayMs(attempt))
      }
    }
  }

  /** The next try starts now: there is a connection again. */
  wake(): void {
    this.#pause?.end()
  }

  onEvent(event: EventFrame): void {
    this.#tell({ step: 'event', event })
  }

  async #deliver(): Promise<TriggerSosResponse> {
    const { ask, store, onSettled, request } = this.#options
    await store()
    let sent = request
    for (let attempt = 1; ; attempt += 1) {
      this.#tell({ step: 'sending', attempt })
      try {
        const answer = (await ask(TRIGGER, sent)) as TriggerSosResponse
        onSettled()
        this.#tell({ step: 'received', answer })
        return answer
      } catch (error) {
        const failure = asHushrydError(error)
        if (failure.code === 'ALREADY_EXISTS') {
          onSettled()
          this.#tell({ step: 'refused', error: failure })
          throw failure
        }
        // Details that the edge does not take must not keep the alert from it.
        if (failure.code === 'INVALID_ARGUMENT') sent = { alertId: this.alertId }
        const retryInMs = this.#delayMs(attempt)
        this.#tell({ step: 'retrying', error: failure, retryInMs })
        await this.#pauseFor(retryInMs)
      }
    }
  }

  /** Half of it jitter: a city's alerts after an outage must not come as one beat. */
  #delayMs(attempt: number): number {
    const longestMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** (attempt - 1))
    return longestMs * (0.5 + this.#options.runtime.random() / 2)
  }

  #pauseFor(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#pause?.timer.cancel()
        this.#pause = undefined
        resolve()
      }
      this.#pause = { timer: this.#options.runtime.setTimer(end, delayMs), end }
    })
  }

  #tell(update: SosUpdate): void {
    this.#lastUpdate = update
    this.#updates.emit('update', update)
  }
}
