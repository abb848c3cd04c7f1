/** What emergency contacts and the people on duty are told, as orders to notify. Pure. */
import type { Alert } from './alert.ts'

export interface Message {
  /** The same for the same step: notify sends it once. */
  readonly key: string
  readonly recipients: 'emergency_contacts' | 'on_call'
  /** Whose contacts, or whom it is about. */
  readonly userId: string
  readonly template: string
  readonly templateVersion: number
  readonly variables: Readonly<Record<string, string | number>>
  readonly correlationId: string
  /** Whether the outcomes are reported back. */
  readonly isReported: boolean
  readonly traceparent: string | undefined
}

/** The person is part of the key: another one's alert of the same id is no repeat of this one. */
function keyOf({ alertId, userId }: Alert, step: string): string {
  return `sos:${alertId}:${userId}:${step}`
}

export function contactsMessage(alert: Alert, link: string | undefined): Message {
  const { alertId, userId, receivedMs } = alert
  return {
    key: keyOf(alert, 'raised'),
    recipients: 'emergency_contacts',
    userId,
    template: 'sos_alert',
    templateVersion: 1,
    variables: { time: receivedMs, ...(link === undefined ? {} : { link }) },
    correlationId: alertId,
    isReported: true,
    traceparent: alert.traceparent,
  }
}

/** To the people on duty. Step 0 stands in for the operations room where that could not be told of the alert. */
export function onCallMessage(alert: Alert, step: number): Message {
  const { alertId, userId, receivedMs } = alert
  return {
    key: keyOf(alert, `esc:${step}`),
    recipients: 'on_call',
    userId,
    template: 'sos_escalation',
    templateVersion: 1,
    variables: { time: receivedMs, alertId },
    correlationId: alertId,
    isReported: false,
    traceparent: alert.traceparent,
  }
}
