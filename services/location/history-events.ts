/** What the history writer counts and measures. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'

export const HISTORY_POSITIONS = {
  name: 'hushryd_location_history_positions_total',
  help: 'Positions taken from JetStream by what became of them; refused ones MongoDB will never take.',
  labels: { outcome: ['stored', 'repeated', 'refused'] },
} as const satisfies MetricSpec

export const HISTORY_UNREADABLE = {
  name: 'hushryd_location_history_unreadable_total',
  help: 'Messages on the stream that are no flushes of a pod; they are dropped.',
} as const satisfies MetricSpec

export const HISTORY_WRITE_SECONDS = {
  name: 'hushryd_location_history_write_seconds',
  help: 'One batch into MongoDB, acknowledged by a majority’s journal.',
} as const satisfies MetricSpec

export const HISTORY_PENDING = {
  name: 'hushryd_location_history_pending',
  help: 'Messages that wait in JetStream, as of the last one that was delivered.',
} as const satisfies MetricSpec

export const HISTORY_LAG_MS = {
  name: 'hushryd_location_history_lag_ms',
  help: 'Age of the newest message in MongoDB, or 0 where nothing waits. At an hour the stream begins to lose positions.',
} as const satisfies MetricSpec

export interface HistoryEvents {
  stored(count: number): void
  repeated(count: number): void
  refused(count: number): void
  unreadable(): void
  wrote(seconds: number): void
}

export function createHistoryEvents(log: Log, metrics: Metrics): HistoryEvents {
  const positions = metrics.counter(HISTORY_POSITIONS)
  const stored = positions.bind({ outcome: 'stored' })
  const repeated = positions.bind({ outcome: 'repeated' })
  const refused = positions.bind({ outcome: 'refused' })
  const unreadable = metrics.counter(HISTORY_UNREADABLE).bind({})
  const seconds = metrics.histogram(HISTORY_WRITE_SECONDS).bind({})
  return {
    stored: (count) => stored.inc(count),
    repeated: (count) => repeated.inc(count),
    refused(count) {
      refused.inc(count)
      log.error({ count }, 'MongoDB refuses positions, which are lost to the history')
    },
    unreadable() {
      unreadable.inc()
      log.error('a message on the stream LOCATION cannot be read')
    },
    wrote: (took) => seconds.observe(took),
  }
}
