/** Each business event's counter and log line. Ids are in logs, never in labels; what people are is in neither. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import type { KindName } from './cached-documents.ts'
import type { TripEventType } from './trip.ts'

const KINDS = ['user', 'contacts', 'trip'] as const satisfies readonly KindName[]
const READ_SOURCES = ['cache', 'store', 'stale_cache', 'absent'] as const
const CACHE_OPERATIONS = ['read', 'ticket', 'put'] as const
const TRIP_EVENTS = [
  'trip.started',
  'trip.completed',
  'trip.cancelled',
  'trip.updated',
] as const satisfies readonly TripEventType[]

export type ReadSource = (typeof READ_SOURCES)[number]
export type CacheOperation = (typeof CACHE_OPERATIONS)[number]

export const readsMetric = {
  name: 'hushryd_directory_reads_total',
  help: 'Reads by where the answer came from; stale_cache means that MongoDB was away and Redis was not known to be fresh.',
  labels: { kind: KINDS, source: READ_SOURCES },
} as const satisfies MetricSpec

export const writesMetric = {
  name: 'hushryd_directory_writes_total',
  help: 'Writes asked for, by whether they changed anything.',
  labels: { kind: KINDS, outcome: ['changed', 'unchanged'] },
} as const satisfies MetricSpec

export const tripEventsMetric = {
  name: 'hushryd_directory_trip_events_total',
  help: 'Changes of trips that their people are told of.',
  labels: { type: TRIP_EVENTS },
} as const satisfies MetricSpec

export const cacheFailuresMetric = {
  name: 'hushryd_directory_cache_failures_total',
  help: 'Redis commands that failed; reads then come from MongoDB, writes are repeated by the settler.',
  labels: { operation: CACHE_OPERATIONS },
} as const satisfies MetricSpec

export const cacheUnreadableMetric = {
  name: 'hushryd_directory_cache_unreadable_total',
  help: 'Values in Redis of another release or sealed under a key that is gone, read from MongoDB instead.',
  labels: { kind: KINDS },
} as const satisfies MetricSpec

export const markedMetric = {
  name: 'hushryd_directory_marked',
  help: 'Changed documents that are not yet settled in Redis and announced; it stays high while one of them is away.',
  labels: { kind: KINDS },
} as const satisfies MetricSpec

export const settledMetric = {
  name: 'hushryd_directory_settled_total',
  help: 'Changes whose last put into Redis and announcement are done.',
  labels: { kind: KINDS },
} as const satisfies MetricSpec

export const announceFailuresMetric = {
  name: 'hushryd_directory_announce_failures_total',
  help: 'Announcements that NATS was not there for: later are tried again, dropped were given up.',
  labels: { outcome: ['later', 'dropped'] },
} as const satisfies MetricSpec

export type DirectoryEvents = ReturnType<typeof createDirectoryEvents>

export function createDirectoryEvents(log: Log, metrics: Metrics) {
  const reads = metrics.counter(readsMetric)
  const writes = metrics.counter(writesMetric)
  const tripEvents = metrics.counter(tripEventsMetric)
  const cacheFailures = metrics.counter(cacheFailuresMetric)
  const cacheUnreadable = metrics.counter(cacheUnreadableMetric)
  const marks = metrics.gauge(markedMetric)
  const settles = metrics.counter(settledMetric)
  const announceFailures = metrics.counter(announceFailuresMetric)
  let cacheIsAway = false

  return {
    read(kind: KindName, source: ReadSource): void {
      reads.inc({ kind, source })
    },
    written(kind: KindName, isChanged: boolean): void {
      writes.inc({ kind, outcome: isChanged ? 'changed' : 'unchanged' })
    },
    tripChanged(tripId: string, version: number, type: TripEventType): void {
      tripEvents.inc({ type })
      log.info({ tripId, version, event: type }, 'trip changed')
    },
    cacheFailed(operation: CacheOperation, error: unknown): void {
      cacheFailures.inc({ operation })
      // One line an outage, not one a read.
      if (!cacheIsAway) log.warn({ err: error, operation }, 'Redis is away: reads come from MongoDB')
      cacheIsAway = true
    },
    cacheWorked(): void {
      if (cacheIsAway) log.info('Redis is back')
      cacheIsAway = false
    },
    cacheUnreadable(kind: KindName): void {
      cacheUnreadable.inc({ kind })
    },
    marked(kind: KindName, count: number): void {
      marks.set({ kind }, count)
    },
    settled(kind: KindName, count: number): void {
      settles.inc({ kind }, count)
    },
    settleFailed(kind: KindName, error: unknown): void {
      log.warn({ err: error, kind }, 'changes could not be settled; the next sweep tries again')
    },
    announceFailed(kind: KindName): void {
      announceFailures.inc({ outcome: 'later' })
      log.debug({ kind }, 'NATS is away: the announcement waits')
    },
    announceDropped(kind: KindName): void {
      announceFailures.inc({ outcome: 'dropped' })
      log.warn({ kind }, 'NATS was away for too long: an announcement is given up')
    },
  }
}
