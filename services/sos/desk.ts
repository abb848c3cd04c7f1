/** What people do with an alert that is there: take it, close it, call it off. Each may be repeated. */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import {
  type Alert,
  acknowledge,
  assign,
  cancel,
  type EscalationTimes,
  resolve,
  signalDuress,
} from './alert.ts'
import type { AlertStore } from './alert-store.ts'
import type { StoredAlert } from './entry.ts'
import type { PinStore } from './pin-store.ts'
import { checkIsOwn, checkMayRead, notFound, operatorOf, personOf } from './rights.ts'
import type { Change, News } from './tell.ts'

export interface DeskOptions {
  readonly store: AlertStore
  readonly pins: PinStore
  readonly times: EscalationTimes
  readonly clock: Clock
  /** This process has it on its way to the database. */
  readonly isInFlight: (alertId: string) => boolean
  readonly onNews: (change: Change) => Promise<void>
}

const SOON_MS = 500

export class Desk {
  readonly #options: DeskOptions

  constructor(options: DeskOptions) {
    this.#options = options
  }

  /** Throws ALERT_NOT_FOUND, also for what is none of the caller's business. */
  async get(caller: Caller, alertId: string): Promise<StoredAlert> {
    const found = await this.#options.store.find(alertId)
    if (found === undefined) throw this.#missing(alertId)
    checkMayRead(caller, found.alert)
    return found
  }

  async acknowledge(caller: Caller, alertId: string, note: string): Promise<StoredAlert> {
    const { times } = this.#options
    const step = { actor: operatorOf(caller), note, atMs: this.#nowMs() }
    return await this.#change(
      alertId,
      (alert) => acknowledge(alert, step, times),
      ({ audit }) => (audit.at(-1)?.action === 'acknowledged' ? 'acknowledged' : 'activity'),
    )
  }

  async assign(caller: Caller, alertId: string, assignee: string, note: string): Promise<StoredAlert> {
    const { times } = this.#options
    const step = { actor: operatorOf(caller), note, atMs: this.#nowMs() }
    return await this.#change(
      alertId,
      (alert) => assign(alert, assignee, step, times),
      () => 'assigned',
    )
  }

  async resolve(caller: Caller, alertId: string, note: string): Promise<StoredAlert> {
    const step = { actor: operatorOf(caller), note, atMs: this.#nowMs() }
    return await this.#change(
      alertId,
      (alert) => resolve(alert, step),
      () => 'resolved',
    )
  }

  /** The same steps for either PIN, up to which of two changes is written. */
  async cancel(caller: Caller, alertId: string, pin: string): Promise<StoredAlert> {
    const { store, pins, onNews } = this.#options
    const person = personOf(caller)
    const found = await store.find(alertId)
    if (found === undefined) throw this.#missing(alertId)
    checkIsOwn(person, found.alert)
    const match = await pins.check(person.userId, pin, found.alert.receivedMs)
    const atMs = this.#nowMs()
    const isDuress = match === 'duress'
    const result = await store.change(alertId, (alert) =>
      isDuress ? signalDuress(alert, atMs) : cancel(alert, atMs),
    )
    if (result === undefined) throw notFound()
    // One that was cancelled before stays so, but that the person is forced is told all the same.
    if (result.isChanged || (isDuress && result.alert.duressMs === 0))
      await onNews({ news: isDuress ? 'duress' : 'cancelled', alert: result.alert, atMs })
    return result
  }

  #nowMs(): number {
    return this.#options.clock.nowMs()
  }

  async #change(
    alertId: string,
    apply: (alert: Alert) => Alert,
    newsOf: (alert: Alert) => News,
  ): Promise<StoredAlert> {
    const { store, onNews } = this.#options
    const result = await store.change(alertId, apply)
    if (result === undefined) throw this.#missing(alertId)
    const { alert, isChanged } = result
    if (isChanged) await onNews({ news: newsOf(alert), alert, atMs: alert.audit.at(-1)?.atMs ?? 0 })
    return result
  }

  #missing(alertId: string): DomainError {
    if (!this.#options.isInFlight(alertId)) return notFound()
    return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'The alert is still on its way.', {
      retryAfterMs: SOON_MS,
    })
  }
}
