/**
 * Who hears what about an alert: the one policy for everything that goes out.
 *
 * The person hears of it under `push.user.<person>`, operations through their
 * log, and nobody else at all: there is no output for the trip, its room or the
 * other people on it, so that none can be added by a slip. From the moment at
 * which the alert looks cancelled, the phone stays silent, whether the PIN was
 * the right one or the duress PIN. No position, name or number is in anything.
 *
 * Pure.
 */
import { type Alert, type ContactStep, personStatus, Status } from './alert.ts'

export const NEWS = [
  'stored',
  'contact',
  'no_contacts',
  'acknowledged',
  'activity',
  'assigned',
  'escalated',
  'resolved',
  'cancelled',
  'duress',
] as const
export type News = (typeof NEWS)[number]

export interface PersonEvent {
  /** The only one who gets it. */
  readonly userId: string
  readonly type: string
  readonly data: Readonly<Record<string, string | number>>
}

export interface OperationsEvent {
  /** A repeat of it is the same event. */
  readonly eventId: string
  readonly type: string
  readonly severity: 'INFO' | 'WARNING' | 'CRITICAL'
  readonly userId: string
  readonly tripId: string
  readonly alertId: string
  readonly data: Readonly<Record<string, string | number>>
}

export interface Told {
  readonly person: PersonEvent | undefined
  readonly operations: OperationsEvent | undefined
}

export interface Change {
  readonly news: News
  /** As it is after the change. */
  readonly alert: Alert
  readonly atMs: number
  /** The message that the news is about. */
  readonly step?: ContactStep
}

function personEvent({ news, alert, atMs, step }: Change): PersonEvent | undefined {
  const { alertId, userId } = alert
  const event = (type: string, data: PersonEvent['data'] = {}): PersonEvent => ({
    userId,
    type,
    data: { alertId, atMs, ...data },
  })
  // On an alert that was cancelled before either PIN is silent for the phone.
  if (news === 'duress' && alert.status === Status.CANCELLED) return undefined
  // One case for both PINs: their events cannot differ.
  if (news === 'cancelled' || news === 'duress') return event('sos.cancelled')
  if (personStatus(alert) === Status.CANCELLED) return undefined
  switch (news) {
    case 'stored':
      return event('sos.stored')
    case 'acknowledged':
      // Who of operations it is, is operations' own affair.
      return event('sos.acknowledged', { by: 'operations' })
    case 'resolved':
      return event('sos.resolved')
    case 'no_contacts':
      return event('sos.no_contacts')
    case 'contact': {
      if (step === undefined || step.status === 'QUEUED') return undefined
      const type = step.status === 'FAILED' ? 'sos.contact_failed' : 'sos.contact_reached'
      return event(type, { contact: step.contact, channel: step.channel, status: step.status })
    }
    case 'activity':
    case 'assigned':
    case 'escalated':
      return undefined
  }
}

function operationsEvent({ news, alert }: Change): OperationsEvent | undefined {
  const { alertId, userId, tripId, version, status, acknowledgedBy, assignment, escalations } = alert
  const event = (severity: OperationsEvent['severity'], data: OperationsEvent['data'] = {}) => ({
    eventId: `sos:${alertId}:${news}:${version}`,
    type: `sos.${news}`,
    severity,
    userId,
    tripId,
    alertId,
    data: { status, ...data },
  })
  switch (news) {
    case 'acknowledged':
    case 'activity':
      return event('INFO', { by: acknowledgedBy })
    case 'assigned':
      return event('INFO', assignment === undefined ? {} : { by: assignment.by, to: assignment.to })
    case 'escalated':
      return event('CRITICAL', { escalations })
    case 'resolved':
    case 'cancelled':
      return event('INFO')
    case 'duress':
      return event('CRITICAL')
    case 'no_contacts':
      return event('WARNING')
    case 'stored':
    case 'contact':
      // Notify tells of messages that fail; the rest is on the alert's own page.
      return undefined
  }
}

export function tell(change: Change): Told {
  return { person: personEvent(change), operations: operationsEvent(change) }
}

/** That there is an alert: recorded by the leg that all alerts have, with the same rule. */
export function raisedEvent({ alertId, userId, tripId }: Alert): Omit<OperationsEvent, 'data'> {
  return {
    // The person is part of it: another one's alert of the same id is no repeat of this one.
    eventId: `sos:${alertId}:${userId}:triggered`,
    type: 'sos.triggered',
    severity: 'CRITICAL',
    userId,
    tripId,
    alertId,
  }
}
