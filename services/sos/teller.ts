/**
 * Carries out what tell.ts decides: pushes to the person, events to the log of
 * the operations room. An event that the log does not take now waits here and
 * goes again; the alert's own audit trail has it in any case.
 */

import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { AlertsChanged } from '@hushryd/gen/hushryd/sos/v1/stream.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { type EventLog, type NewEvent, Severity } from '@hushryd/kernel/event-log.ts'
import { type NatsLink, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import type { Alert } from './alert.ts'
import { keptWithin } from './kept-within.ts'
import { type Change, type OperationsEvent, raisedEvent, tell } from './tell.ts'

export interface TellerOptions {
  readonly nats: NatsLink
  readonly eventLog: EventLog
  readonly clock: Clock
  readonly namespace: string
  readonly onUntold: (waiting: number) => void
}

const ADMIN_SUBJECT = 'push.admin'
/** Events that wait for the log; past it the oldest go, which the audit trails still have. */
const UNTOLD_MAX = 10_000
/** Callers wait for the log so long: what happened before has the smaller number there. */
const LOG_WAIT_MS = 500

export function changedSubject(namespace: string): string {
  return `${namespace}sos.changed`
}

export function toNewEvent(event: Omit<OperationsEvent, 'data'>, atMs: number): NewEvent {
  const { eventId, type, severity, userId, tripId, alertId } = event
  return { eventId, type, severity: Severity[severity], userId, tripId, alertId, occurredAtMs: atMs }
}

export class Teller {
  readonly #options: TellerOptions
  #untold: NewEvent[] = []

  constructor(options: TellerOptions) {
    this.#options = options
  }

  get untold(): number {
    return this.#untold.length
  }

  /** Resolves when the log has it, or when it has been left to wait. */
  async tell(change: Change): Promise<void> {
    const { person, operations } = tell(change)
    const { nats } = this.#options
    if (person !== undefined) {
      const { userId, type, data } = person
      const event = PushEvent.fromPartial({ type, userId, data })
      nats.publish(`push.user.${subjectToken(userId)}`, PushEvent.encode(event).finish())
    }
    this.hint([change.alert])
    if (operations === undefined) return
    this.#pushToAdmins(operations, operations.data)
    await this.record({ ...toNewEvent(operations, change.atMs), data: operations.data })
  }

  /** The other processes read these again, for those who watch. */
  hint(alerts: readonly Alert[]): void {
    const { nats, namespace } = this.#options
    const data = AlertsChanged.encode({ alertIds: alerts.map(({ alertId }) => alertId) }).finish()
    nats.publish(changedSubject(namespace), data)
  }

  /** Where the log could not be told that there is an alert: to whoever looks at the operations page now. */
  pushRaised(alerts: readonly Alert[]): void {
    for (const alert of alerts) this.#pushToAdmins(raisedEvent(alert), {})
  }

  async record(event: NewEvent): Promise<void> {
    const { eventLog, clock } = this.#options
    const [isRecorded] = await keptWithin([eventLog.record(event)], LOG_WAIT_MS, clock)
    if (isRecorded === true) return
    this.#untold.push(event)
    if (this.#untold.length > UNTOLD_MAX) this.#untold.shift()
    this.#options.onUntold(this.#untold.length)
  }

  /** What waited, again; the log takes each once by its id. */
  async retry(): Promise<void> {
    const events = this.#untold
    if (events.length === 0 || !this.#options.nats.isConnected) return
    this.#untold = []
    for (const event of events) await this.record(event)
  }

  #pushToAdmins({ type, tripId, alertId, userId }: Omit<OperationsEvent, 'data'>, data: object): void {
    const event = PushEvent.fromPartial({ type, tripId, data: { alertId, userId, ...data } })
    this.#options.nats.publish(ADMIN_SUBJECT, PushEvent.encode(event).finish())
  }
}
