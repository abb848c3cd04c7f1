/** An alert as it lies in MongoDB. */
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import type { Alert, AlertId, Assignment, ContactStep, Status } from './alert.ts'
import type { AuditEntry } from './audit.ts'

/** What most alerts never have is left out: a flood writes half the bytes. */
export interface AlertDocument {
  /** The alert's id, made by the phone: a second insert of it is refused. */
  readonly _id: AlertId
  /** Of the group commit by which it came here; names the open batch while legs are open. */
  readonly batchId: string
  readonly location?: { readonly type: 'Point'; readonly coordinates: readonly [number, number] }
  readonly accuracy?: number
  readonly triggeredAt: Date
  /** Absent once the alert is closed. */
  readonly nextEscalationAt?: Date
  readonly userId: string
  readonly role: string
  readonly tripId?: string
  readonly bookingId?: string
  readonly status: Status
  readonly acknowledgedBy?: string
  readonly acknowledgedMs?: number
  readonly assignment?: Assignment
  readonly closedMs?: number
  readonly notes?: string
  readonly duressMs?: number
  readonly escalations?: number
  readonly hasNoContacts?: true
  readonly contacts?: readonly ContactStep[]
  readonly audit: readonly AuditEntry[]
  readonly version: number
}

/** The document's own fields, without what finds it. */
export type AlertFields = Omit<AlertDocument, '_id' | 'batchId'>

/**
 * Written as a query and not as a JSON schema, which costs a fifth of each
 * insert. The indexes by person and trip hold closed alerts only, for the same
 * reason: they are written when nobody waits. Open ones are few, and found by
 * the index of the open.
 */
export const alertsSpec: CollectionSpec = {
  name: 'sos_alerts',
  validator: {
    batchId: { $type: 'string' },
    userId: { $type: 'string' },
    triggeredAt: { $type: 'date' },
    status: { $in: ['ACTIVE', 'RESPONDING', 'RESOLVED', 'CANCELLED'] },
    version: { $gte: 1 },
    'audit.0.hash': { $type: 'string' },
  },
  indexes: [
    // Open alerts and nothing else: what is closed has no next escalation.
    {
      name: 'open',
      key: { nextEscalationAt: 1 },
      partialFilterExpression: { nextEscalationAt: { $exists: true } },
    },
    { name: 'newest', key: { triggeredAt: -1, _id: -1 } },
    {
      name: 'closed_of_user',
      key: { userId: 1, triggeredAt: -1 },
      partialFilterExpression: { closedMs: { $exists: true } },
    },
    {
      name: 'closed_of_trip',
      key: { tripId: 1, triggeredAt: -1 },
      partialFilterExpression: { closedMs: { $exists: true } },
    },
  ],
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

export function toDocument(alert: Alert, batchId: string): AlertDocument {
  const document = { _id: alert.alertId, batchId, ...firstFields(alert) }
  addOptional(document, alert)
  return document
}

export function toFields(alert: Alert): AlertFields {
  const fields: Mutable<AlertFields> = firstFields(alert)
  addOptional(fields, alert)
  return fields
}

/** What every alert has. */
function firstFields(alert: Alert) {
  return {
    userId: alert.userId,
    role: alert.role,
    triggeredAt: new Date(alert.receivedMs),
    status: alert.status,
    audit: alert.audit,
    version: alert.version,
  }
}

/** One by one: an object for each that is not there costs a flood a twentieth of its time. */
function addOptional(fields: Mutable<AlertFields>, alert: Alert): void {
  const { location, nextEscalationMs, tripId, bookingId } = alert
  if (nextEscalationMs !== undefined) fields.nextEscalationAt = new Date(nextEscalationMs)
  if (tripId !== '') fields.tripId = tripId
  if (bookingId !== '') fields.bookingId = bookingId
  if (location !== undefined) {
    fields.location = { type: 'Point', coordinates: [location.lng, location.lat] }
    fields.accuracy = location.accuracy
  }
  if (alert.version > 1) addLater(fields, alert)
}

/** Of what has happened since it was raised. */
function addLater(fields: Mutable<AlertFields>, alert: Alert): void {
  const { acknowledgedBy, assignment, closedMs, notes, duressMs, escalations, contacts } = alert
  if (acknowledgedBy !== '') {
    fields.acknowledgedBy = acknowledgedBy
    fields.acknowledgedMs = alert.acknowledgedMs
  }
  if (assignment !== undefined) fields.assignment = assignment
  if (closedMs !== 0) fields.closedMs = closedMs
  if (notes !== '') fields.notes = notes
  if (duressMs !== 0) fields.duressMs = duressMs
  if (escalations !== 0) fields.escalations = escalations
  if (alert.hasNoContacts) fields.hasNoContacts = true
  if (contacts.length > 0) fields.contacts = contacts
}

export function fromDocument(document: AlertDocument): Alert {
  const { location, accuracy = 0, nextEscalationAt, hasNoContacts = false } = document
  const [lng = 0, lat = 0] = location?.coordinates ?? []
  return {
    alertId: document._id,
    userId: document.userId,
    role: document.role,
    tripId: document.tripId ?? '',
    bookingId: document.bookingId ?? '',
    location: location === undefined ? undefined : { lat, lng, accuracy },
    receivedMs: document.triggeredAt.getTime(),
    status: document.status,
    acknowledgedBy: document.acknowledgedBy ?? '',
    acknowledgedMs: document.acknowledgedMs ?? 0,
    assignment: document.assignment,
    closedMs: document.closedMs ?? 0,
    notes: document.notes ?? '',
    duressMs: document.duressMs ?? 0,
    escalations: document.escalations ?? 0,
    nextEscalationMs: nextEscalationAt?.getTime(),
    hasNoContacts,
    contacts: document.contacts ?? [],
    audit: document.audit,
    version: document.version,
  }
}
