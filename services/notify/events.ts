/** Each business event's counters and log line. Ids are in logs, never in labels; whom a message goes to is in neither. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import type { DeliveryCounts } from './delivery-counts.ts'
import { type Attempt, CHANNELS, type Notification, PRIORITIES, type Priority } from './notification.ts'
import type { Channel, ProviderName } from './provider.ts'

const PROVIDERS = [
  'twilio',
  'msg91',
  'sendgrid',
  'ses',
  'whatsapp',
  'fcm',
] as const satisfies readonly ProviderName[]

/** Seconds: from a push that is there at once to an SMS to a phone that was off. */
const RECEIPT_BUCKETS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 900, 3600] as const

export const acceptedMetric = {
  name: 'hushryd_notify_accepted_total',
  help: 'Notifications accepted, by what took them first: the queue, or MongoDB while NATS is away.',
  labels: { priority: PRIORITIES, store: ['queue', 'database'] },
} as const satisfies MetricSpec

export const attemptsMetric = {
  name: 'hushryd_notify_attempts_total',
  help: 'Messages handed to providers, by how it ended.',
  labels: {
    provider: PROVIDERS,
    channel: CHANNELS,
    outcome: ['accepted', 'refused', 'unavailable', 'cut_off'],
  },
} as const satisfies MetricSpec

export const receiptsMetric = {
  name: 'hushryd_notify_receipts_total',
  help: 'Receipts of providers; late means after the channel’s time, early before the hand-over was on record, unknown that no message has this id.',
  labels: {
    provider: PROVIDERS,
    status: ['delivered', 'read', 'failed', 'bounced', 'repeated', 'early', 'unknown'],
  },
} as const satisfies MetricSpec

export const receiptSecondsMetric = {
  name: 'hushryd_notify_receipt_seconds',
  help: 'From the hand-over to the receipt that says it arrived.',
  labels: { channel: CHANNELS },
  buckets: RECEIPT_BUCKETS_S,
} as const satisfies MetricSpec

export const lateMetric = {
  name: 'hushryd_notify_budget_missed_total',
  help: 'Messages of high priority that had not arrived within their budget, by the channel that was asked for.',
  labels: { channel: CHANNELS },
} as const satisfies MetricSpec

export const endedMetric = {
  name: 'hushryd_notify_ended_total',
  help: 'Notifications by how they ended: arrived, taken by a provider that gives no receipt, given up.',
  labels: { priority: PRIORITIES, channel: CHANNELS, outcome: ['delivered', 'sent', 'failed'] },
} as const satisfies MetricSpec

export const queueSecondsMetric = {
  name: 'hushryd_notify_queue_seconds',
  help: 'From accepting a message to the begin of its work.',
  labels: { priority: PRIORITIES },
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
} as const satisfies MetricSpec

export const waitingMetric = {
  name: 'hushryd_notify_queue_waiting',
  help: 'Messages in the queue that nobody has taken yet.',
  labels: { priority: PRIORITIES },
} as const satisfies MetricSpec

export const keptMetric = {
  name: 'hushryd_notify_kept',
  help: 'Records that wait in memory because MongoDB is away.',
} as const satisfies MetricSpec

export const breakerMetric = {
  name: 'hushryd_notify_breaker_open',
  help: '1 while the circuit breaker keeps messages away from the provider, 0.5 while it tries one.',
  labels: { provider: PROVIDERS },
} as const satisfies MetricSpec

export const suppressedMetric = {
  name: 'hushryd_notify_suppressed_total',
  help: 'Numbers, addresses and devices that get nothing more for a while.',
  labels: { channel: CHANNELS },
} as const satisfies MetricSpec

export const webhookRefusalsMetric = {
  name: 'hushryd_notify_webhook_refusals_total',
  help: 'Webhooks that were not believed or not understood.',
  labels: { reason: ['not_configured', 'bad_signature', 'malformed', 'unavailable'] },
} as const satisfies MetricSpec

export type AttemptOutcome = (typeof attemptsMetric.labels.outcome)[number]
export type ReceiptLabel = (typeof receiptsMetric.labels.status)[number]
export type WebhookRefusal = (typeof webhookRefusalsMetric.labels.reason)[number]
export type NotifyEvents = ReturnType<typeof createNotifyEvents>

export function createNotifyEvents(log: Log, metrics: Metrics, counts: DeliveryCounts) {
  const acceptances = metrics.counter(acceptedMetric)
  const attempts = metrics.counter(attemptsMetric)
  const receipts = metrics.counter(receiptsMetric)
  const receiptSeconds = metrics.histogram(receiptSecondsMetric)
  const lates = metrics.counter(lateMetric)
  const ends = metrics.counter(endedMetric)
  const queueSeconds = metrics.histogram(queueSecondsMetric)
  const waitings = metrics.gauge(waitingMetric)
  const breakers = metrics.gauge(breakerMetric)
  const suppressions = metrics.counter(suppressedMetric)
  const webhookRefusals = metrics.counter(webhookRefusalsMetric)

  return {
    accepted({ id, priority, template }: Notification, store: 'queue' | 'database'): void {
      acceptances.inc({ priority, store })
      log.debug({ notificationId: id, priority, template, store }, 'notification accepted')
    },
    taken(priority: Priority, waitedMs: number): void {
      queueSeconds.observe({ priority }, Math.max(0, waitedMs) / 1000)
    },
    waiting(priority: Priority, count: number): void {
      waitings.set({ priority }, count)
    },
    attempted(
      { id, priority }: Notification,
      attempt: Pick<Attempt, 'number' | 'channel' | 'provider'>,
      end: {
        readonly outcome: AttemptOutcome
        readonly code?: string
        readonly detail?: string
        /** Undefined where the provider was not asked. */
        readonly durationMs: number | undefined
      },
    ): void {
      const { number, channel, provider } = attempt
      attempts.inc({ provider, channel, outcome: end.outcome })
      counts.handedOver(provider, end.outcome, end.durationMs)
      const record = { notificationId: id, priority, attempt: number, channel, provider, ...end }
      if (end.outcome === 'accepted') log.info(record, 'message handed over')
      else log.warn(record, 'message not taken')
    },
    textNotRegistered({ id, template, templateVersion }: Notification): void {
      log.error(
        { notificationId: id, template, templateVersion },
        'the filled SMS is not the registered text, so it is not sent',
      )
    },
    received(provider: ProviderName, label: ReceiptLabel): void {
      receipts.inc({ provider, status: label })
      if (label === 'failed' || label === 'bounced') counts.undelivered(provider)
    },
    arrived({ id }: Notification, { channel, provider, startedMs }: Attempt, atMs: number): void {
      const afterMs = Math.max(0, atMs - startedMs)
      receiptSeconds.observe({ channel }, afterMs / 1000)
      counts.delivered(provider, afterMs)
      log.info({ notificationId: id, channel, provider }, 'message arrived')
    },
    late({ id, userId, channels, attempts: made }: Notification): void {
      lates.inc({ channel: channels[0] })
      log.error(
        { notificationId: id, userId, channel: channels[0], attempts: made.length },
        'a message of high priority has not arrived within its budget; it is still being tried',
      )
    },
    retryScheduled({ id, priority }: Notification, round: number, inMs: number): void {
      log.warn({ notificationId: id, priority, round, inMs: Math.round(inMs) }, 'retry scheduled')
    },
    ended(notification: Notification, outcome: 'delivered' | 'sent' | 'failed'): void {
      const { id, userId, priority, channels, attempts: made, failure } = notification
      ends.inc({ priority, channel: channels[0], outcome })
      const record = { notificationId: id, userId, priority, channel: channels[0], attempts: made.length }
      if (outcome === 'failed') log.error({ ...record, failure }, 'notification given up')
      else log.debug({ ...record, outcome }, 'notification ended')
    },
    expanded({ id, correlationId }: Notification, messages: number): void {
      log.info({ notificationId: id, correlationId, messages }, 'notification split into single messages')
    },
    suppressed(channel: Channel): void {
      suppressions.inc({ channel })
    },
    breaker(provider: ProviderName, state: 0 | 0.5 | 1): void {
      breakers.set({ provider }, state)
      if (state === 1) log.error({ provider }, 'provider cut off')
      if (state === 0) log.info({ provider }, 'provider works')
    },
    webhookRefused(provider: string, reason: WebhookRefusal): void {
      webhookRefusals.inc({ reason })
      log.warn(
        { provider: PROVIDERS.find((known) => known === provider) ?? 'other', reason },
        'webhook refused',
      )
    },
    kept({ id }: Notification): void {
      log.warn(
        { notificationId: id },
        'MongoDB is away: the record waits in memory, the message in the queue',
      )
    },
    untold({ id }: Notification, error: unknown): void {
      log.warn({ err: error, notificationId: id }, 'NATS is away: an outcome is told later')
    },
    onCallUnreadable(error: unknown): void {
      log.error({ err: error }, 'the list of people on duty cannot be read; the last good one is used')
    },
    stepFailed({ id }: Notification, error: unknown): void {
      log.error(
        { err: error, notificationId: id },
        'a step broke off; the timers take the notification up again',
      )
    },
    undecodable(error: unknown): void {
      log.error({ err: error }, 'a queued message could not be decoded; it is kept')
    },
    receiptUnusable(error: unknown): void {
      log.error({ err: error }, 'a queued receipt could not be used and is dropped')
    },
  }
}
