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
  type NotificationState,
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

/** What was sent directly, once nobody is at it any more: it can be sent by nobody else, as its text is nowhere. */
export function endDirect(notification: Notification, nowMs: number): Notification {
  const { attempts } = notification
  if (attempts.some(({ status }) => status === 'accepted')) return endAsSent(notification)
  return giveUp(notification, attempts.at(-1)?.code ?? 'CRASHED', nowMs)
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

/** Attempts get their number from the record that they are first written to; what they are, they are by this. */
export function isSameAttempt(one: Attempt, other: Attempt): boolean {
  return (
    one.startedMs === other.startedMs &&
    one.provider === other.provider &&
    one.channel === other.channel &&
    one.run === other.run
  )
}

/** Of an attempt that both know the better word counts; those that one of them made are kept, also under the same number. */
function mergeAttempts(attempts: readonly Attempt[], others: readonly Attempt[]): Attempt[] {
  const merged = [...attempts]
  for (const other of others) {
    const index = merged.findIndex((attempt) => isSameAttempt(attempt, other))
    const known = merged[index]
    if (known === undefined) {
      merged.push({ ...other, number: merged.length + 1 })
      continue
    }
    const better = RANK[other.status] > RANK[known.status] ? other : known
    merged[index] = { ...better, number: known.number, tries: Math.max(known.tries, other.tries) }
  }
  return merged
}

function mergeStates(first: NotificationState, second: NotificationState): NotificationState {
  // What has happened stays so, whatever the other one knew.
  const happened = (['delivered', 'expanded'] as const).find((state) => [first, second].includes(state))
  if (happened !== undefined) return happened
  return first === 'queued' && second === 'sent' ? 'sent' : first
}

/**
 * What MongoDB has and what waited in memory, written by processes that could
 * not see each other's. Whoever has claimed it since goes on with it; every
 * copy that went out is on record.
 */
export function mergeRecords(stored: Notification, kept: Notification, nowMs: number): Notification {
  // Of one worker's writes the later one has been kept; only receipts came beside them.
  const [first, second] = stored.lease === kept.lease ? [kept, stored] : [stored, kept]
  const state = mergeStates(first.state, second.state)
  const announcements = [...stored.announcements, ...kept.announcements]
  // What was sent directly nobody else could go on with.
  const isToBeTaken = (isOpen({ state }) && first.recipients !== 'direct') || announcements.length > 0
  return {
    ...first,
    version: Math.max(stored.version, kept.version) + 1,
    state,
    round: Math.max(stored.round, kept.round),
    isLate: stored.isLate || kept.isLate,
    attempts: mergeAttempts(stored.attempts, kept.attempts),
    dueMs: isToBeTaken ? (first.dueMs ?? nowMs) : undefined,
    failure: state === 'delivered' ? '' : first.failure,
    childIds: stored.childIds.length > 0 ? stored.childIds : kept.childIds,
    announcements,
  }
}
