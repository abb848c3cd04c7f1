/** Each business event's counter and log line. Ids are in logs, never in labels. */
import { Severity } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import type { Resumed } from './watch.ts'

const SEVERITIES = ['info', 'warning', 'critical'] as const

export const recordedMetric = {
  name: 'hushryd_admin_recorded_total',
  help: 'Events of HushRyd’s backend that the log has taken.',
  labels: { severity: SEVERITIES },
} as const satisfies MetricSpec

export const lastSequenceMetric = {
  name: 'hushryd_admin_log_last_sequence',
  help: 'The number of the newest event that this process has seen in the log.',
} as const satisfies MetricSpec

export const logAliveMetric = {
  name: 'hushryd_admin_log_alive',
  help: '1 while this process follows the log; 0 while its watchers hear nothing.',
} as const satisfies MetricSpec

export const restartsMetric = {
  name: 'hushryd_admin_tail_restarts_total',
  help: 'Times that the log was another one, had lost its end or was far ahead, so that watchers began again.',
} as const satisfies MetricSpec

export const unreadableMetric = {
  name: 'hushryd_admin_unreadable_total',
  help: 'Messages on the log’s subjects that are no events.',
} as const satisfies MetricSpec

export const watchersMetric = {
  name: 'hushryd_admin_watchers',
  help: 'Open streams of WatchEvents.',
} as const satisfies MetricSpec

export const watchesMetric = {
  name: 'hushryd_admin_watches_total',
  help: 'Streams of WatchEvents by what they began with: the newest events, what they missed from memory or from the log, a gap since that is gone or too much, or anew since the log is another one.',
  labels: { start: ['newest', 'memory', 'log', 'gap', 'replaced'] },
} as const satisfies MetricSpec

export const archivedMetric = {
  name: 'hushryd_admin_archived_total',
  help: 'Events brought to the archive; refused ones are in the log alone.',
  labels: { outcome: ['stored', 'refused'] },
} as const satisfies MetricSpec

export const unarchivedMetric = {
  name: 'hushryd_admin_unarchived',
  help: 'Events of the log that the archive does not have yet, as last looked at.',
} as const satisfies MetricSpec

export type AdminEvents = ReturnType<typeof createAdminEvents>

export function createAdminEvents(log: Log, metrics: Metrics) {
  const recorded = metrics.counter(recordedMetric)
  const restarts = metrics.counter(restartsMetric)
  const unreadable = metrics.counter(unreadableMetric)
  const watches = metrics.counter(watchesMetric)
  const archived = metrics.counter(archivedMetric)
  const unarchived = metrics.gauge(unarchivedMetric)
  return {
    recorded(severity: Severity): void {
      const label =
        severity === Severity.CRITICAL ? 'critical' : severity === Severity.WARNING ? 'warning' : 'info'
      recorded.inc({ severity: label })
    },
    restarted(): void {
      restarts.inc({})
      log.warn('the log is another one or far ahead: watchers begin again')
    },
    unreadable(sequence: number): void {
      unreadable.inc({})
      log.error({ sequence }, 'a message of the log is no event')
    },
    watchBegun(start: Resumed): void {
      watches.inc({ start })
      if (start === 'gap' || start === 'replaced') log.warn({ start }, 'a watcher could not be given all')
    },
    archived(count: number): void {
      archived.inc({ outcome: 'stored' }, count)
    },
    archiveRefused(count: number): void {
      archived.inc({ outcome: 'refused' }, count)
      log.error({ count }, 'events that the archive does not take')
    },
    unarchived(count: number): void {
      unarchived.set({}, count)
    },
    partFailed(part: string, error: unknown): void {
      log.warn({ err: error, part }, 'a part of the overview is unknown')
    },
    /** Gauges that are read when scraped. */
    watch(read: {
      readonly lastSequence: () => number
      readonly isAlive: () => boolean
      readonly watchers: () => number
    }): void {
      metrics.gauge(lastSequenceMetric, read.lastSequence)
      metrics.gauge(logAliveMetric, () => (read.isAlive() ? 1 : 0))
      metrics.gauge(watchersMetric, read.watchers)
    },
  }
}
