/** A notification in the contract's words. */
import {
  type Attempt as WireAttempt,
  type Notification as WireNotification,
  NotificationState as WireState,
  AttemptStatus as WireStatus,
  type Template as WireTemplate,
} from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { canReplay } from './dead-letters.ts'
import type { Attempt, AttemptStatus, Notification, NotificationState } from './notification.ts'
import { channelsOf, LANGUAGES, requiredOf, type Template } from './template.ts'

const STATES: Readonly<Record<NotificationState, WireState>> = {
  queued: WireState.QUEUED,
  sent: WireState.SENT,
  delivered: WireState.DELIVERED,
  failed: WireState.FAILED,
  expanded: WireState.EXPANDED,
}

const STATUSES: Readonly<Record<AttemptStatus, WireStatus>> = {
  started: WireStatus.STARTED,
  accepted: WireStatus.ACCEPTED,
  delivered: WireStatus.RECEIVED,
  read: WireStatus.READ,
  not_sent: WireStatus.NOT_SENT,
  no_receipt: WireStatus.NO_RECEIPT,
}

function encodeAttempt(attempt: Attempt): WireAttempt {
  const { number, channel, provider, providerId = '', status, startedMs, changedMs, code = '' } = attempt
  return {
    number,
    channel,
    provider,
    providerId,
    status: STATUSES[status],
    startedAt: startedMs,
    changedAt: changedMs,
    code,
    maskedRecipient: attempt.maskedRecipient,
  }
}

export function encodeNotification(notification: Notification): WireNotification {
  const { id, state, userId, channels, template, priority, acceptedMs, dueMs = 0, attempts } = notification
  return {
    notificationId: id,
    state: STATES[state],
    userId,
    channels: [...new Set([...channels, ...attempts.map(({ channel }) => channel)])],
    template,
    priority,
    acceptedAt: acceptedMs,
    dueAt: dueMs,
    attempts: attempts.map(encodeAttempt),
    childIds: [...notification.childIds],
    failure: notification.failure,
    canReplay: canReplay(notification),
  }
}

export function encodeTemplate(template: Template): WireTemplate {
  const { name, version, purpose, texts } = template
  return {
    name,
    version,
    channels: channelsOf(template),
    variables: requiredOf(template),
    languages: LANGUAGES.filter((language) => texts[language].language === language),
    purpose,
  }
}
