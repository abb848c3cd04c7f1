/** Each business event's counter, and what else this service measures. */
import type { ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { BoundCounter, MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import { refusalName } from './refusal.ts'

const OUTCOMES = ['accepted', 'folded', 'suspect', 'older', 'refused'] as const

export const FIXES = {
  name: 'hushryd_location_fixes_total',
  help: 'Reported positions by what became of them; folded are those accepted whose place a newer one of the same window took.',
  labels: { outcome: OUTCOMES },
} as const satisfies MetricSpec

export const REFUSALS = {
  name: 'hushryd_location_refusals_total',
  help: 'Refused positions by reason.',
  labels: {
    reason: [
      'POSITION_OUT_OF_RANGE',
      'POSITION_IN_FUTURE',
      'POSITION_TOO_OLD',
      'NOT_THE_DRIVER',
      'TRIP_NOT_FOUND',
      'TRIP_ENDED',
      'UNAVAILABLE',
    ],
  },
} as const satisfies MetricSpec

export const BROADCASTS = {
  name: 'hushryd_location_broadcasts_total',
  help: 'Positions that became the newest of their person and went to followers and the feed.',
} as const satisfies MetricSpec

export const FLUSH_SECONDS = {
  name: 'hushryd_location_flush_seconds',
  help: 'From the close of a window to the hand-over of its positions to the lanes.',
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
} as const satisfies MetricSpec

export const SETTLE_SECONDS = {
  name: 'hushryd_location_settle_seconds',
  help: 'From the close of a window to its acknowledgement by JetStream, or its place in the retry queue.',
} as const satisfies MetricSpec

export const REDIS_SKIPPED = {
  name: 'hushryd_location_redis_skipped_total',
  help: 'Positions that went on by the memory guard because Redis was away or slow.',
} as const satisfies MetricSpec

export const FEED_DROPPED = {
  name: 'hushryd_location_feed_dropped_total',
  help: 'Flushes dropped from the retry queue, oldest first, while NATS was away for long.',
} as const satisfies MetricSpec

export const FOREIGN_UNREADABLE = {
  name: 'hushryd_location_foreign_unreadable_total',
  help: 'Messages on the partitions’ subjects that are no flushes of a pod.',
} as const satisfies MetricSpec

export const STALE = {
  name: 'hushryd_location_stale_trips_total',
  help: 'Active trips whose driver fell silent.',
} as const satisfies MetricSpec

export const TRIPS_CACHED = {
  name: 'hushryd_location_trips_cached',
  help: 'Trips in this pod’s memory.',
} as const satisfies MetricSpec

export const LANES_OPEN = {
  name: 'hushryd_location_lanes_open',
  help: 'Lanes that edges hold open to this pod.',
} as const satisfies MetricSpec

export const FEED_WAITING = {
  name: 'hushryd_location_feed_waiting',
  help: 'Flushes that wait for JetStream.',
} as const satisfies MetricSpec

export interface LocationEvents {
  accepted(count?: number): void
  /** Accepted before, and never to be stored: a newer one of its window was. */
  folded(): void
  suspect(): void
  older(): void
  refused(reason: ErrorReason): void
  broadcast(count: number): void
  redisSkipped(count: number): void
  feedDropped(count: number): void
  foreignUnreadable(): void
  stale(tripId: string): void
  flushed(seconds: number): void
  settled(seconds: number): void
}

export function createLocationEvents(log: Log, metrics: Metrics): LocationEvents {
  const fixes = metrics.counter(FIXES)
  const bound = (outcome: (typeof OUTCOMES)[number]): BoundCounter => fixes.bind({ outcome })
  const accepted = bound('accepted')
  const folded = bound('folded')
  const suspect = bound('suspect')
  const older = bound('older')
  const refused = bound('refused')
  const refusals = metrics.counter(REFUSALS)
  const broadcasts = metrics.counter(BROADCASTS).bind({})
  const skipped = metrics.counter(REDIS_SKIPPED).bind({})
  const dropped = metrics.counter(FEED_DROPPED).bind({})
  const unreadable = metrics.counter(FOREIGN_UNREADABLE).bind({})
  const staleTrips = metrics.counter(STALE).bind({})
  const flush = metrics.histogram(FLUSH_SECONDS).bind({})
  const settle = metrics.histogram(SETTLE_SECONDS).bind({})
  return {
    accepted: (count = 1) => accepted.inc(count),
    folded: () => folded.inc(),
    suspect: () => suspect.inc(),
    older: () => older.inc(),
    refused(reason) {
      refused.inc()
      // The label set is closed; whatever else there may be counts as `other`.
      refusals.inc({ reason: refusalName(reason) as (typeof REFUSALS.labels.reason)[number] })
    },
    broadcast: (count) => broadcasts.inc(count),
    redisSkipped: (count) => skipped.inc(count),
    feedDropped: (count) => dropped.inc(count),
    foreignUnreadable: () => unreadable.inc(),
    stale(tripId) {
      staleTrips.inc()
      log.info({ tripId }, 'driver silent')
    },
    flushed: (seconds) => flush.observe(seconds),
    settled: (seconds) => settle.observe(seconds),
  }
}
