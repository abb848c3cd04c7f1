/**
 * The stream's side of completion: an alert belongs to the stream until the
 * database has it, with its open batch, and is acknowledged then. What the
 * database does not have, because it was away or a process died, is put there
 * from here; and while it stays away, people on duty are told from here.
 *
 * Whoever stored an alert may have seen its database die right after, so the
 * stream's copy goes only once the database, asked again later, has it.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Alert, type EscalationTimes, raise, type Trigger } from './alert.ts'
import type { AlertStore } from './alert-store.ts'
import { type Message, onCallMessage } from './messages.ts'

export interface StreamWorkerOptions {
  readonly store: Pick<AlertStore, 'countOf' | 'findOwners' | 'insert'>
  readonly isInFlight: (alertId: string) => boolean
  /** This process has completed it for that person. */
  readonly isOwn: (alertId: string, userId: string) => boolean
  readonly times: EscalationTimes
  readonly send: (messages: readonly Message[]) => Promise<void>
  readonly clock: Clock
  readonly onStored: (alerts: readonly Alert[]) => void
  readonly onEscalated: (alert: Alert, step: number) => void
  /** The id is another person's alert: the one who used it was refused, or will be. */
  readonly onForeign: (alertId: string) => void
}

/** What the stream has of a flood; read only where its time has come, for a batch costs milliseconds. */
export interface Raised {
  readonly ageMs: number
  read(): readonly Trigger[]
}

export type Handled =
  | { readonly kind: 'done' }
  /** It comes again after that time. */
  | { readonly kind: 'again'; readonly afterMs: number }

/** The legs of this process's own alerts end within this, mostly. */
const IN_FLIGHT_MS = 500
/** Before, whichever process took the alert is at it, and the database may not have it on its disk. */
const ORIGIN_MS = 2_000
const AWAY_MS = 2_000
const ESCALATED_MAX = 50_000

export class StreamWorker {
  readonly #options: StreamWorkerOptions
  /** The last step that people on duty were told from here. */
  readonly #escalated = new Map<string, number>()

  constructor(options: StreamWorkerOptions) {
    this.#options = options
  }

  async handle({ ageMs, read }: Raised): Promise<Handled> {
    const { isInFlight, store } = this.#options
    if (ageMs < ORIGIN_MS) return { kind: 'again', afterMs: ORIGIN_MS - ageMs }
    const triggers = read()
    if (triggers.some(({ alertId }) => isInFlight(alertId))) return { kind: 'again', afterMs: IN_FLIGHT_MS }
    try {
      if (await this.#areOwnAndThere(triggers)) return { kind: 'done' }
      const owners = await store.findOwners(triggers.map(({ alertId }) => alertId))
      const missing = triggers.filter(({ alertId, userId }) => this.#isMissing(alertId, userId, owners))
      if (missing.length > 0) await this.#store(missing)
      return { kind: 'done' }
    } catch (error) {
      if (!isUnavailable(error)) throw error
      await this.#escalate(triggers)
      return { kind: 'again', afterMs: AWAY_MS }
    }
  }

  /** Nearly always, and cheaper to ask than which are there and whose they are. */
  async #areOwnAndThere(triggers: readonly Trigger[]): Promise<boolean> {
    const { isOwn, store } = this.#options
    if (!triggers.every(({ alertId, userId }) => isOwn(alertId, userId))) return false
    const ids = new Set(triggers.map(({ alertId }) => alertId))
    return (await store.countOf([...ids])) === ids.size
  }

  #isMissing(alertId: Trigger['alertId'], userId: string, owners: ReadonlyMap<string, string>): boolean {
    const owner = owners.get(alertId)
    if (owner !== undefined && owner !== userId) this.#options.onForeign(alertId)
    return owner === undefined
  }

  async #store(triggers: readonly Trigger[]): Promise<void> {
    const { store, times, clock, onStored } = this.#options
    // One alert may have come twice, by a retry of the publish.
    const alerts = new Map(triggers.map((trigger) => [trigger.alertId, raise(trigger, times)]))
    const nowMs = clock.nowMs()
    // Due at once: whether its other legs were done, nobody here knows.
    const { earlier } = await store.insert([...alerts.values()], { nowMs, retryMs: nowMs })
    onStored([...alerts.values()].filter(({ alertId }) => !earlier.has(alertId)))
    for (const alertId of alerts.keys()) this.#escalated.delete(alertId)
  }

  /** By the same steps and keys as the escalator's, so that it goes on where this ends. */
  async #escalate(triggers: readonly Trigger[]): Promise<void> {
    const { times, clock, send, onEscalated } = this.#options
    const due = triggers.flatMap((trigger) => {
      const lateMs = clock.nowMs() - trigger.receivedMs - times.firstAfterMs
      const step = 1 + Math.floor(lateMs / times.repeatMs)
      const isNew = lateMs >= 0 && (this.#escalated.get(trigger.alertId) ?? 0) < step
      return isNew ? [{ alert: raise(trigger, times), step }] : []
    })
    if (due.length === 0) return
    await send(due.map(({ alert, step }) => onCallMessage(alert, step)))
    for (const { alert, step } of due) {
      this.#escalated.set(alert.alertId, step)
      onEscalated(alert, step)
    }
    for (const alertId of this.#escalated.keys()) {
      if (this.#escalated.size <= ESCALATED_MAX) break
      this.#escalated.delete(alertId)
    }
  }
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
}
