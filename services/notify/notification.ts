/**
 * A notification, its attempts, and what may happen to them.
 *
 * Pure: every function takes a notification and answers the next one. Receipts
 * may come twice, late and in any order, and none takes back what a better one
 * has said.
 */
import type { Channel, DeliveryReceipt, ProviderName, SendResult } from './provider.ts'

export const CHANNELS = ['sms', 'whatsapp', 'push', 'email'] as const satisfies readonly Channel[]
export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** `direct`: the caller gave number and text, which are stored nowhere. */
export type Recipients = 'user' | 'emergency_contacts' | 'on_call' | 'direct'

export type NotificationState =
  /** No provider has it. */
  | 'queued'
  /** A provider has it. */
  | 'sent'
  | 'delivered'
  | 'failed'
  /** Split into single messages, one for each contact and channel. */
  | 'expanded'

export type AttemptStatus =
  /** Handed over, and the provider has not answered; after a crash nobody knows whether it has it. */
  'started' | 'accepted' | 'delivered' | 'read' | 'not_sent' | 'no_receipt'

export interface Attempt {
  /** From 1. */
  readonly number: number
  readonly run: number
  readonly round: number
  readonly channel: Channel
  readonly provider: ProviderName
  readonly status: AttemptStatus
  readonly awaitsReceipt: boolean
  readonly startedMs: number
  readonly changedMs: number
  /** By when it has to have arrived. */
  readonly deadlineMs: number
  /** How often it was handed over: more than once only after a crash. */
  readonly tries: number
  readonly maskedRecipient: string
  /** By which a bounce is kept in mind; of a push the first device's. */
  readonly recipientHash: string
  readonly providerId?: string
  readonly code?: string
  readonly isPermanent?: boolean
}

/** What others are told of a change; kept with the notification until they were. */
export type Announcement =
  | {
      readonly kind: 'outcome'
      readonly status: 'sent' | 'delivered' | 'read' | 'failed' | 'no_recipient'
      readonly carriedBy: Channel
      readonly atMs: number
    }
  /** The budget of a high priority is over; it is still being tried. */
  | { readonly kind: 'late'; readonly atMs: number }
  /** Given up: the dead letter and the operations room. */
  | { readonly kind: 'given_up'; readonly atMs: number }

export interface Notification {
  readonly id: string
  /** 0 until MongoDB has it; one more with each change. */
  readonly version: number
  readonly recipients: Recipients
  /** For whom, whose contacts, or about whom; empty where nobody is named. */
  readonly userId: string
  /** The place in the list of contacts; undefined until a list is expanded. */
  readonly contact: number | undefined
  /** A single message has one. */
  readonly channels: readonly [Channel, ...Channel[]]
  /** Channels that may stand in for it at high priority. */
  readonly standIns: readonly Channel[]
  readonly template: string
  readonly templateVersion: number
  readonly sealedData: string
  readonly priority: Priority
  readonly idempotencyKey: string
  readonly reportTo: string
  readonly correlationId: string
  readonly acceptedMs: number
  /** The budget runs from here: a replay begins anew. */
  readonly startMs: number
  readonly state: NotificationState
  /** 0, and one more with each replay; only the attempts of this one count for the plan. */
  readonly run: number
  readonly round: number
  /** The round does not begin before this. */
  readonly roundMs: number
  readonly isLate: boolean
  readonly attempts: readonly Attempt[]
  /** When the timers take it up; undefined where there is nothing left to do. */
  readonly dueMs: number | undefined
  /** Of the worker that has it; another one's means hands off. */
  readonly lease: string
  readonly failure: string
  readonly childIds: readonly string[]
  readonly announcements: readonly Announcement[]
}

/** After so many crashes in the middle of a hand-over the message itself is taken for the cause. */
const TRIES_MAX = 3

export type Accepted = Pick<
  Notification,
  | 'id'
  | 'recipients'
  | 'userId'
  | 'channels'
  | 'template'
  | 'templateVersion'
  | 'sealedData'
  | 'priority'
  | 'idempotencyKey'
  | 'reportTo'
  | 'correlationId'
  | 'acceptedMs'
>

/** A notification that nothing has happened to. */
export function newNotification(accepted: Accepted): Notification {
  const { acceptedMs, channels, priority } = accepted
  return {
    ...accepted,
    version: 0,
    contact: undefined,
    standIns: priority === 'high' ? CHANNELS.filter((channel) => !channels.includes(channel)) : [],
    startMs: acceptedMs,
    state: 'queued',
    run: 0,
    round: 0,
    roundMs: acceptedMs,
    isLate: false,
    attempts: [],
    dueMs: acceptedMs,
    lease: '',
    failure: '',
    childIds: [],
    announcements: [],
  }
}

export function isOpen({ state }: Notification): boolean {
  return state === 'queued' || state === 'sent'
}

export function isGroup({ recipients, contact, channels }: Notification): boolean {
  return (
    (recipients !== 'direct' && channels.length > 1) ||
    (recipients !== 'user' && recipients !== 'direct' && contact === undefined)
  )
}

/** One message of a group: to one contact over one channel, under an id that follows from the group's. */
export function childOf(
  group: Notification,
  { id, contact, channel }: { readonly id: string; readonly contact: number; readonly channel: Channel },
): Notification {
  return {
    ...group,
    id,
    version: 0,
    contact,
    channels: [channel],
    // One of them takes what stands in, or a contact without SMS and WhatsApp gets the same e-mail twice.
    standIns: channel === group.channels[0] ? group.standIns : [],
    idempotencyKey: group.idempotencyKey === '' ? '' : `${group.idempotencyKey}:${contact}:${channel}`,
  }
}

export function attemptId(notification: Notification, number: number): string {
  return `${notification.id}-${number}`
}

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

export function getAttempt({ attempts, id }: Notification, number: number): Attempt {
  const attempt = attempts.find((candidate) => candidate.number === number)
  if (attempt === undefined) throw new Error(`notification ${id} has no attempt ${number}`)
  return attempt
}

/** The provider's answer. A receipt may have been faster. */
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
  return announce(
    { ...accepted, state: accepted.state === 'queued' ? 'sent' : accepted.state },
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
