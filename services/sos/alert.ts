/**
 * An alert's life: what may happen to it, and what is known of it afterwards.
 *
 * Pure: callers supply the time and do the storing, so that every order of
 * events can be property-tested. A change that has happened already changes
 * nothing, so that retries and repeated messages are harmless.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type AuditEntry, appendEntry } from './audit.ts'

declare const alertIdBrand: unique symbol
export type AlertId = string & { readonly [alertIdBrand]: true }

export const Status = {
  /** Raised, and nobody has taken it. */
  ACTIVE: 'ACTIVE',
  RESPONDING: 'RESPONDING',
  RESOLVED: 'RESOLVED',
  CANCELLED: 'CANCELLED',
} as const
export type Status = (typeof Status)[keyof typeof Status]

/** What raising an alert starts, all at once; none waits for another. */
export const LEGS = ['stream', 'database', 'admin', 'contacts'] as const
export type Leg = (typeof LEGS)[number]
export type LegState = 'DONE' | 'QUEUED' | 'FAILED' | 'NONE'
export type Legs = Readonly<Record<Leg, LegState>>

export interface AlertLocation {
  readonly lat: number
  readonly lng: number
  readonly accuracy: number
}

/** What the phone sends, with who the edge says that it is. */
export interface Trigger {
  readonly alertId: AlertId
  readonly userId: string
  readonly role: string
  readonly tripId: string
  readonly bookingId: string
  readonly location: AlertLocation | undefined
  /** When the first process of ours received it, milliseconds since 1970. */
  readonly receivedMs: number
  /** Where it is traced; not stored. */
  readonly traceparent?: string | undefined
}

/** One message to one contact over one channel. */
export interface ContactStep {
  /** The contact's place in the person's list, from 0: who it is stays in the directory. */
  readonly contact: number
  readonly channel: string
  readonly status: ContactStatus
  readonly atMs: number
}

/** The channel of a contact's phone that rings; the others are notify's. */
export const VOICE = 'voice'

/** In the order in which a message gets there; FAILED only where nothing better is known. */
export const CONTACT_STATUSES = ['QUEUED', 'FAILED', 'SENT', 'DELIVERED', 'READ'] as const
export type ContactStatus = (typeof CONTACT_STATUSES)[number]

export interface Assignment {
  readonly to: string
  readonly by: string
  readonly atMs: number
}

export interface Alert extends Trigger {
  readonly status: Status
  readonly acknowledgedBy: string
  readonly acknowledgedMs: number
  /** Who of operations is to see to it; undefined where nobody is named. */
  readonly assignment: Assignment | undefined
  readonly closedMs: number
  readonly notes: string
  /** When the duress PIN was given; 0 where it was not. The person is shown a cancelled alert from then on. */
  readonly duressMs: number
  readonly escalations: number
  /** When someone is told again unless something happens; undefined once the alert is closed. */
  readonly nextEscalationMs: number | undefined
  /** True once notify has found nobody to tell. */
  readonly hasNoContacts: boolean
  readonly contacts: readonly ContactStep[]
  readonly audit: readonly AuditEntry[]
  /** Rises with each change; writes are guarded by it. */
  readonly version: number
}

export interface EscalationTimes {
  /** An alert that nobody has taken for this long is told to the on-call list, and again after each repeat. */
  readonly firstAfterMs: number
  readonly repeatMs: number
  /** One who has taken an alert and then does nothing for this long is taken for gone. */
  readonly quietMs: number
}

function isFiniteWithin(value: number, limit: number): boolean {
  return Number.isFinite(value) && Math.abs(value) <= limit
}

/** A place that makes no sense is no place: a person in danger is never refused for it. */
export function readLocation(location: AlertLocation | undefined): AlertLocation | undefined {
  if (location === undefined) return undefined
  const { lat, lng, accuracy } = location
  if (!isFiniteWithin(lat, 90) || !isFiniteWithin(lng, 180)) return undefined
  return { lat, lng, accuracy: Number.isFinite(accuracy) && accuracy >= 0 ? accuracy : 0 }
}

export function raise(trigger: Trigger, times: EscalationTimes): Alert {
  const { receivedMs, userId } = trigger
  return {
    ...trigger,
    location: readLocation(trigger.location),
    status: Status.ACTIVE,
    acknowledgedBy: '',
    acknowledgedMs: 0,
    assignment: undefined,
    closedMs: 0,
    notes: '',
    duressMs: 0,
    escalations: 0,
    nextEscalationMs: receivedMs + times.firstAfterMs,
    hasNoContacts: false,
    contacts: [],
    audit: appendEntry([], { action: 'triggered', actor: userId, note: '', atMs: receivedMs }),
    version: 1,
  }
}

export function isClosed({ status }: Pick<Alert, 'status'>): boolean {
  return status === Status.RESOLVED || status === Status.CANCELLED
}

type Change = Partial<Omit<Alert, keyof Trigger | 'version' | 'audit'>>
interface Noted {
  readonly action: string
  readonly actor: string
  readonly note?: string
  readonly atMs: number
}

function change(alert: Alert, fields: Change, { action, actor, note = '', atMs }: Noted): Alert {
  return {
    ...alert,
    ...fields,
    audit: appendEntry(alert.audit, { action, actor, note, atMs }),
    version: alert.version + 1,
  }
}

function closedError(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_ALERT_CLOSED, 'The alert is closed.')
}

export interface Step {
  readonly actor: string
  readonly note: string
  readonly atMs: number
}

/** Takes it, or, by whoever has it or another, says that something is being done. Throws ALERT_CLOSED. */
export function acknowledge(alert: Alert, { actor, note, atMs }: Step, times: EscalationTimes): Alert {
  if (isClosed(alert)) throw closedError()
  const isSame = alert.status === Status.RESPONDING && alert.acknowledgedBy === actor
  const fields: Change = {
    status: Status.RESPONDING,
    acknowledgedBy: actor,
    acknowledgedMs: isSame ? alert.acknowledgedMs : atMs,
    nextEscalationMs: atMs + times.quietMs,
  }
  return change(alert, fields, { action: isSame ? 'activity' : 'acknowledged', actor, note, atMs })
}

/**
 * Names who is to see to it. Whoever is named may be asleep, so the ladder goes
 * on until someone takes the alert; with one who has taken it already the
 * naming counts as something being done. Answers the alert unchanged where the
 * same person is named already. Throws ALERT_CLOSED.
 */
export function assign(alert: Alert, to: string, { actor, note, atMs }: Step, times: EscalationTimes): Alert {
  if (isClosed(alert)) throw closedError()
  if (alert.assignment?.to === to) return alert
  const fields: Change = {
    assignment: { to, by: actor, atMs },
    ...(alert.status === Status.RESPONDING ? { nextEscalationMs: atMs + times.quietMs } : {}),
  }
  const words = note === '' ? `to ${to}` : `to ${to}: ${note}`
  return change(alert, fields, { action: 'assigned', actor, note: words, atMs })
}

/** Answers the alert unchanged where it is closed already. */
export function resolve(alert: Alert, { actor, note, atMs }: Step): Alert {
  if (isClosed(alert)) return alert
  const fields: Change = { status: Status.RESOLVED, closedMs: atMs, notes: note, nextEscalationMs: undefined }
  return change(alert, fields, { action: 'resolved', actor, note, atMs })
}

/**
 * By the right PIN. Answers the alert unchanged where it looks cancelled to the
 * person already; throws ALERT_CLOSED. After the duress PIN only operations
 * close it: who forced one PIN out of a person forces the other.
 */
export function cancel(alert: Alert, atMs: number): Alert {
  if (personStatus(alert) === Status.CANCELLED) return alert
  if (isClosed(alert)) throw closedError()
  const fields: Change = { status: Status.CANCELLED, closedMs: atMs, nextEscalationMs: undefined }
  return change(alert, fields, { action: 'cancelled', actor: alert.userId, atMs })
}

/**
 * By the duress PIN: for the person it is cancelled, for operations it is worse
 * than before. One that is cancelled stays so, as with the right PIN: the two
 * never differ. Throws ALERT_CLOSED.
 */
export function signalDuress(alert: Alert, atMs: number): Alert {
  if (personStatus(alert) === Status.CANCELLED) return alert
  if (isClosed(alert)) throw closedError()
  return change(alert, { duressMs: atMs }, { action: 'duress', actor: alert.userId, atMs })
}

/** Someone is told again. Answers undefined where that is not due. */
export function escalate(alert: Alert, atMs: number, times: EscalationTimes): Alert | undefined {
  if (alert.nextEscalationMs === undefined || alert.nextEscalationMs > atMs) return undefined
  const fields: Change = { escalations: alert.escalations + 1, nextEscalationMs: atMs + times.repeatMs }
  const note =
    alert.status === Status.RESPONDING ? `nothing from ${alert.acknowledgedBy}` : 'nobody has taken it'
  return change(alert, fields, { action: 'escalated', actor: 'sos', note, atMs })
}

/** What a message to a contact has come to. Answers undefined where that is no news. */
export function noteContact(alert: Alert, step: ContactStep): Alert | undefined {
  const isSame = (held: ContactStep): boolean =>
    held.contact === step.contact && held.channel === step.channel
  const held = alert.contacts.find(isSame)
  const rank = (status: ContactStatus): number => CONTACT_STATUSES.indexOf(status)
  if (held !== undefined && rank(held.status) >= rank(step.status)) return undefined
  const contacts = [...alert.contacts.filter((other) => !isSame(other)), step]
  contacts.sort((a, b) => a.contact - b.contact || (a.channel < b.channel ? -1 : 1))
  const note = `contact ${step.contact + 1} by ${step.channel}: ${step.status}`
  const actor = step.channel === VOICE ? 'maskcall' : 'notify'
  return change(alert, { contacts }, { action: 'contact', actor, note, atMs: step.atMs })
}

/** There is nobody to tell. Answers undefined where that is no news. */
export function noteNoContacts(alert: Alert, atMs: number): Alert | undefined {
  if (alert.hasNoContacts) return undefined
  const note = 'there is no contact to tell'
  return change(alert, { hasNoContacts: true }, { action: 'contact', actor: 'notify', note, atMs })
}

/** Whom a message has reached, or has left for as far as anyone knows: each contact once. */
export function contactsReached({ contacts }: Pick<Alert, 'contacts'>): number {
  const reached = contacts.filter(({ status }) => status !== 'QUEUED' && status !== 'FAILED')
  return new Set(reached.map(({ contact }) => contact)).size
}

/** Who of operations closed it; empty where nobody has. */
export function resolvedBy({ status, audit }: Pick<Alert, 'status' | 'audit'>): string {
  if (status !== Status.RESOLVED) return ''
  return audit.findLast(({ action }) => action === 'resolved')?.actor ?? ''
}

/** What the person's phone shows. Under duress whoever looks over the shoulder sees a cancelled alert. */
export function personStatus(alert: Pick<Alert, 'status' | 'duressMs'>): Status {
  return alert.duressMs > 0 ? Status.CANCELLED : alert.status
}
