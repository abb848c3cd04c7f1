import type { Alert } from '../generated/types.ts'

/** An alert as the server tells it, for tests. */
export function alertOf(alertId: string, more: Partial<Alert> = {}): Alert {
  return {
    alertId,
    userId: 'rider-1',
    role: 'passenger',
    tripId: 'trip-1',
    bookingId: '',
    triggeredAt: 1_000,
    status: 'ACTIVE',
    acknowledgedBy: '',
    acknowledgedAt: 0,
    closedAt: 0,
    notes: '',
    duress: false,
    escalations: 0,
    contacts: [],
    trail: [],
    audit: [],
    version: 1,
    assignedTo: '',
    assignedBy: '',
    assignedAt: 0,
    nextEscalationAt: 0,
    resolvedBy: '',
    contactsReached: 0,
    hasNoContacts: false,
    ...more,
  }
}
