/**
 * What may happen to a notification.
 *
 * Pure: every function takes a notification and answers the next one. Receipts
 * may come twice, late and in any order, and none takes back what a better one
 * has said.
 */
import {
  type Announcement,
  type Attempt,
  type AttemptStatus,
  getAttempt,
  isOpen,
  type Notification,
} from './notification.ts'
import type { Channel, DeliveryReceipt, ProviderName, SendResult } from './provider.ts'

/** After so many crashes in the middle of a hand-over the message itself is taken for the cause. */
const TRIES_MAX = 3

function withAttempt(notification: Notification, attempt: Attempt): Notification {
  const { attempts } = notification
  const isKnown = attempts.some(({ number }) => number === attempt.number)
  return {
    ...notification,
    attempts: isKnown
      ? attempts.map((other) => (other.number === attempt.number ? attempt : other))
      : [...attempts, attempt],
  }
}

function announce(notification: Notification, announcement: Announcement): Notification {
  if (announcement.kind === 'outcome' && notification.reportTo === '') return notification
  return { ...notification, announcements: [...notification.announcements, announcement] }
}

export interface AttemptStart {
  readonly channel: Channel
  readonly provider: ProviderName
  readonly awaitsReceipt: boolean
  readonly maskedRecipient: string
  readonly recipientHash: string
  readonly nowMs: number
  readonly deadlineMs: number
}

export function startAttempt(notification: Notification, start: AttemptStart): Notification {
  const { nowMs, ...rest } = start
  return withAttempt(notification, {
    ...rest,
    number: notification.attempts.length + 1,
    run: notification.run,
    round: notification.round,
    status: 'started',
    startedMs: nowMs,
    changedMs: nowMs,
    tries: 1,
  })
}

/** Hands an attempt over again of which a crash has left only the start, under the same attempt id. */
export function resumeAttempt(
  notification: Notification,
  number: number,
  { nowMs, deadlineMs }: { readonly nowMs: number; readonly deadlineMs: number },
): Notification {
  const attempt = getAttempt(notification, number)
  return withAttempt(notification, { ...attempt, tries: attempt.tries + 1, changedMs: nowMs, deadlineMs })
}

/** The provider's answer. A receipt may have been faster; otherwise it is due again when the receipt's time is over. */
export function endAttempt(
  notification: Notification,
  number: number,
  result: SendResult,
  nowMs: number,
): Notification {
  const attempt = getAttempt(notification, number)
  if (result.kind === 'refused') {
    if (attempt.status !== 'started') return notification
    const { code, isPermanent } = result
    return withAttempt(notification, { ...attempt, status: 'not_sent', code, isPermanent, changedMs: nowMs })
  }
  const { providerId } = result
  if (attempt.status !== 'started') return withAttempt(notification, { ...attempt, providerId })
  const accepted = withAttempt(notification, { ...attempt, status: 'accepted', providerId, changedMs: nowMs })
  if (!isOpen(accepted)) return accepted
  return announce(
    { ...accepted, state: 'sent', dueMs: attempt.awaitsReceipt ? attempt.deadlineMs : undefined },
    { kind: 'outcome', status: 'sent', carriedBy: attempt.channel, atMs: nowMs },
  )
}

/** Ends attempts whose time is over. */
export function settleAttempts(notification: Notification, nowMs: number): Notification {
  return notification.attempts.reduce((settled, attempt) => {
    if (attempt.status === 'accepted' && attempt.awaitsReceipt && attempt.deadlineMs <= nowMs)
      return withAttempt(settled, { ...attempt, status: 'no_receipt', changedMs: nowMs })
    // Whoever settles has the lease, so nobody is at it any more.
    if (attempt.status === 'started' && attempt.tries >= TRIES_MAX)
      return withAttempt(settled, { ...attempt, status: 'not_sent', code: 'CRASHED', changedMs: nowMs })
    return settled
  }, notification)
}

const RANK: Readonly<Record<AttemptStatus, number>> = {
  started: 0,
  accepted: 1,
  not_sent: 2,
  no_receipt: 2,
  delivered: 3,
  read: 4,
}

/** Undefined where the receipt says nothing new, as every repeat. */
export function applyReceipt(
  notification: Notification,
  number: number,
  { status, errorCode = '', atMs }: Pick<DeliveryReceipt, 'status' | 'errorCode' | 'atMs'>,
): Notification | undefined {
  const attempt = getAttempt(notification, number)
  if (status === 'sent') return undefined
  if (status === 'failed' || status === 'bounced') {
    if (RANK[attempt.status] >= RANK.not_sent) return undefined
    const failed = withAttempt(notification, {
      ...attempt,
      status: 'not_sent',
      code: errorCode === '' ? status.toUpperCase() : errorCode,
      isPermanent: status === 'bounced',
      changedMs: atMs,
    })
    // Whatever waits for this receipt goes on at once.
    return isOpen(failed) ? { ...failed, dueMs: atMs } : failed
  }
  if (RANK[attempt.status] >= RANK[status]) return undefined
  return announce(
    {
      ...withAttempt(notification, { ...attempt, status, changedMs: atMs }),
      state: 'delivered',
      failure: '',
      dueMs: undefined,
    },
    { kind: 'outcome', status, carriedBy: attempt.channel, atMs },
  )
}

export function markLate(notification: Notification, nowMs: number): Notification {
  return announce({ ...notification, isLate: true }, { kind: 'late', atMs: nowMs })
}

export function nextRound(
  notification: Notification,
  { round, atMs, dueMs }: { readonly round: number; readonly atMs: number; readonly dueMs: number },
): Notification {
  return { ...notification, round, roundMs: atMs, dueMs }
}

/** A provider has it, and no receipt is waited for; one that comes all the same still counts. */
export function endAsSent(notification: Notification): Notification {
  return { ...notification, state: 'sent', dueMs: undefined }
}

export function giveUp(notification: Notification, failure: string, nowMs: number): Notification {
  const failed: Notification = { ...notification, state: 'failed', failure, dueMs: undefined }
  const isNobody = failure === 'NO_RECIPIENT'
  const told = announce(failed, {
    kind: 'outcome',
    status: isNobody ? 'no_recipient' : 'failed',
    carriedBy: failed.channels[0],
    atMs: nowMs,
  })
  return announce(told, { kind: 'given_up', atMs: nowMs })
}

export function endAsExpanded(notification: Notification, childIds: readonly string[]): Notification {
  return { ...notification, state: 'expanded', childIds, dueMs: undefined }
}

/** From the beginning, with a new budget; what was tried stays on record. */
export function replay(notification: Notification, nowMs: number): Notification {
  return {
    ...notification,
    state: 'queued',
    failure: '',
    startMs: nowMs,
    run: notification.run + 1,
    round: 0,
    roundMs: nowMs,
    isLate: false,
    dueMs: nowMs,
  }
}

/** Two records of one notification, kept by processes that could not see each other's: the better word on each attempt counts. */
export function mergeRecords(stored: Notification, other: Notification): Notification {
  const attempts = new Map(stored.attempts.map((attempt) => [attempt.number, attempt]))
  for (const attempt of other.attempts) {
    const known = attempts.get(attempt.number)
    if (known === undefined || RANK[attempt.status] > RANK[known.status])
      attempts.set(attempt.number, attempt)
  }
  const isDelivered = stored.state === 'delivered' || other.state === 'delivered'
  return {
    ...stored,
    round: Math.max(stored.round, other.round),
    isLate: stored.isLate || other.isLate,
    attempts: [...attempts.values()].sort((one, two) => one.number - two.number),
    announcements: [...stored.announcements, ...other.announcements],
    ...(isDelivered ? { state: 'delivered', failure: '', dueMs: undefined } : {}),
  }
}
