/**
 * An alert in the contract's words, as the person sees it and as operations do.
 *
 * From the duress PIN on the person's view stands still as after a
 * cancellation, field by field: whoever looks over the shoulder can tell the
 * two apart by nothing.
 *
 * Pure.
 */
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import {
  AlertStatus,
  type Alert as WireAlert,
  type AuditEntry as WireAuditEntry,
  LegState as WireLegState,
  type Legs as WireLegs,
} from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import {
  type Alert,
  contactsReached,
  type LegState,
  type Legs,
  personStatus,
  resolvedBy,
  type Status,
} from './alert.ts'
import type { AuditEntry } from './audit.ts'
import type { StoredAlert } from './entry.ts'

const STATUSES: Readonly<Record<Status, AlertStatus>> = {
  ACTIVE: AlertStatus.ACTIVE,
  RESPONDING: AlertStatus.RESPONDING,
  RESOLVED: AlertStatus.RESOLVED,
  CANCELLED: AlertStatus.CANCELLED,
}
const LEG_STATES: Readonly<Record<LegState, WireLegState>> = {
  DONE: WireLegState.DONE,
  QUEUED: WireLegState.QUEUED,
  FAILED: WireLegState.FAILED,
  NONE: WireLegState.NONE,
}

/** All that the person learns of who has taken it. */
const OPERATIONS = 'operations'
/** What operations do among themselves: not even that there is something shows in the person's version. */
const UNSEEN: ReadonlySet<string> = new Set(['escalated', 'activity', 'assigned'])

export function encodeStatus(status: Status): AlertStatus {
  return STATUSES[status]
}

export function decodeStatuses(statuses: readonly AlertStatus[]): Status[] {
  return statuses.flatMap((wire) => {
    const found = Object.entries(STATUSES).find(([, known]) => known === wire)
    // The keys of the table are the statuses.
    return found === undefined ? [] : [found[0] as Status]
  })
}

export function encodeLegs({ stream, database, admin, contacts }: Legs): WireLegs {
  return {
    stream: LEG_STATES[stream],
    database: LEG_STATES[database],
    admin: LEG_STATES[admin],
    contacts: LEG_STATES[contacts],
  }
}

function encodeCommon({ alert, legs }: StoredAlert) {
  const { alertId, userId, role, tripId, bookingId, location, receivedMs, contacts, hasNoContacts } = alert
  return {
    alertId,
    userId,
    role,
    tripId,
    bookingId,
    location,
    triggeredAt: receivedMs,
    legs: encodeLegs(legs),
    contacts: contacts.map(({ contact, channel, status, atMs }) => ({
      contact,
      name: '',
      channel,
      status,
      at: atMs,
    })),
    contactsReached: contactsReached(alert),
    hasNoContacts,
  }
}

/** What has happened as far as the person may know: after a duress PIN only what became of the messages. */
function seenByPerson({ audit, duressMs }: Alert): readonly AuditEntry[] {
  if (duressMs === 0) return audit
  const duress = audit.findIndex(({ action }) => action === 'duress')
  return audit.filter(({ action }, index) => index <= duress || action === 'contact')
}

export function encodeForPerson(stored: StoredAlert): WireAlert {
  const { alert } = stored
  const { duressMs, closedMs } = alert
  const seen = seenByPerson(alert).filter(({ action }) => !UNSEEN.has(action))
  const taken = seen.findLast(({ action }) => action === 'acknowledged')
  return {
    ...encodeCommon(stored),
    status: encodeStatus(personStatus(alert)),
    acknowledgedBy: taken === undefined ? '' : OPERATIONS,
    acknowledgedAt: taken?.atMs ?? 0,
    closedAt: duressMs > 0 ? duressMs : closedMs,
    notes: '',
    duress: false,
    escalations: 0,
    assignedTo: '',
    assignedBy: '',
    assignedAt: 0,
    nextEscalationAt: 0,
    resolvedBy: '',
    trail: [],
    audit: [],
    version: seen.length,
  }
}

export interface Details {
  readonly trail: readonly Position[]
}

/** With details on GetAlert only: lists and watches stay small. */
export function encodeForOperations(stored: StoredAlert, details?: Details): WireAlert {
  const { alert } = stored
  const { status, acknowledgedBy, acknowledgedMs, assignment, closedMs, notes, duressMs } = alert
  const { escalations, nextEscalationMs = 0, audit, version } = alert
  return {
    ...encodeCommon(stored),
    status: encodeStatus(status),
    acknowledgedBy,
    acknowledgedAt: acknowledgedMs,
    closedAt: closedMs,
    notes,
    duress: duressMs > 0,
    escalations,
    assignedTo: assignment?.to ?? '',
    assignedBy: assignment?.by ?? '',
    assignedAt: assignment?.atMs ?? 0,
    nextEscalationAt: nextEscalationMs,
    resolvedBy: resolvedBy(alert),
    trail: [...(details?.trail ?? [])],
    audit: details === undefined ? [] : audit.map(encodeEntry),
    version,
  }
}

export function encodeEntry({ number, action, actor, note, atMs, hash }: AuditEntry): WireAuditEntry {
  return { number, action, actor, note, at: atMs, hash }
}
