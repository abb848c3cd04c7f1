/** The streams of notify, and what travels on them. */
import {
  DeadLetter,
  NotificationOutcome,
  OutcomeStatus,
  QueuedNotification,
} from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { outcomeStream } from '@hushryd/kernel/queued-notification.ts'
import type { StreamSpec } from '@hushryd/kernel/stores/jetstream.ts'
import {
  type Announcement,
  CHANNELS,
  type Notification,
  newNotification,
  PRIORITIES,
  type Recipients,
} from './notification.ts'
import type { Channel } from './provider.ts'

export interface StreamOptions {
  /** Before every stream and subject: tests that share a server keep apart by it. */
  readonly namespace: string
  readonly replicas: number
  readonly bytesMax: number
}

const SECOND_NS = 1_000_000_000
const DAY_NS = 24 * 60 * 60 * SECOND_NS
/** How long a repeat is recognised by the stream; after it MongoDB's unique id does. */
const DUPLICATES_NS = 120 * SECOND_NS

export function streamNames(namespace: string) {
  return {
    queue: `${namespace}NOTIFY`,
    outcomes: outcomeStream(namespace),
    dead: `${namespace}NOTIFY_DEAD`,
  }
}

export function streamSpecs({ namespace, replicas, bytesMax }: StreamOptions): StreamSpec[] {
  const names = streamNames(namespace)
  const common = {
    storage: 'file',
    num_replicas: replicas,
    max_bytes: bytesMax,
    duplicate_window: DUPLICATES_NS,
  } as const
  return [
    {
      ...common,
      name: names.queue,
      subjects: [`${namespace}notify.q.>`, receiptSubject(namespace)],
      retention: 'workqueue',
      // What does not fit is refused, and goes to MongoDB: nothing that waits is dropped for it.
      discard: 'new',
    },
    {
      ...common,
      name: names.outcomes,
      subjects: [`${namespace}notify.outcome.>`],
      max_age: DAY_NS,
    },
    { ...common, name: names.dead, subjects: [`${namespace}notify.dead.>`], max_age: 30 * DAY_NS },
  ]
}

/** Receipts that could not be put on record at once. */
export function receiptSubject(namespace: string): string {
  return `${namespace}notify.receipt`
}

export function deadSubject(namespace: string, channel: Channel): string {
  return `${namespace}notify.dead.${channel}`
}

export function encodeQueued(notification: Notification): Uint8Array {
  const { id, channels, acceptedMs, ...rest } = notification
  return QueuedNotification.encode(
    QueuedNotification.fromPartial({
      ...rest,
      notificationId: id,
      channels: [...channels],
      acceptedAt: acceptedMs,
    }),
  ).finish()
}

const RECIPIENTS = ['user', 'emergency_contacts', 'on_call'] as const satisfies readonly Recipients[]

function known<const V extends string>(values: readonly V[], value: string, what: string): V {
  const found = values.find((candidate) => candidate === value)
  if (found === undefined) throw new Error(`the queued ${what} is unknown here`)
  return found
}

/** As it is before its first step; throws for what no release of notify writes. */
export function decodeQueued(data: Uint8Array): Notification {
  const queued = QueuedNotification.decode(data)
  const [first, ...more] = queued.channels.map((channel) => known(CHANNELS, channel, 'channel'))
  if (first === undefined) throw new Error('the queued notification has no channel')
  const priority = known(PRIORITIES, queued.priority, 'priority')
  const recipients = known(RECIPIENTS, queued.recipients, 'kind of recipients')
  return newNotification({
    id: queued.notificationId,
    recipients,
    userId: queued.userId,
    channels: [first, ...more],
    template: queued.template,
    templateVersion: queued.templateVersion,
    sealedData: queued.sealedData,
    priority,
    idempotencyKey: queued.idempotencyKey,
    reportTo: queued.reportTo,
    correlationId: queued.correlationId,
    acceptedMs: queued.acceptedAt,
  })
}

const OUTCOMES = {
  sent: OutcomeStatus.OUTCOME_STATUS_SENT,
  delivered: OutcomeStatus.OUTCOME_STATUS_DELIVERED,
  read: OutcomeStatus.OUTCOME_STATUS_READ,
  failed: OutcomeStatus.OUTCOME_STATUS_FAILED,
  no_recipient: OutcomeStatus.OUTCOME_STATUS_NO_RECIPIENT,
} as const

export function encodeOutcome(
  { id, correlationId, idempotencyKey, contact = 0, channels, failure }: Notification,
  { status, carriedBy, atMs }: Extract<Announcement, { kind: 'outcome' }>,
): Uint8Array {
  return NotificationOutcome.encode({
    notificationId: id,
    correlationId,
    idempotencyKey,
    contact,
    channel: channels[0],
    carriedBy,
    status: OUTCOMES[status],
    at: atMs,
    failure,
  }).finish()
}

export function encodeDeadLetter(notification: Notification, atMs: number): Uint8Array {
  const { id, userId, channels, template, priority, failure, attempts } = notification
  return DeadLetter.encode({
    notificationId: id,
    userId,
    channel: channels[0],
    template,
    priority,
    failure,
    attempts: attempts.length,
    at: atMs,
  }).finish()
}
