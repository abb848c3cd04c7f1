/** Each business event's counter and log line. Ids are in logs, never in labels; places and people in neither. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import { type Alert, LEGS, type Leg } from './alert.ts'
import type { Entry } from './entry.ts'
import type { IntakeEvents } from './intake.ts'
import { NEWS, type News } from './tell.ts'

const LEG_OUTCOMES = ['done', 'backup', 'failed'] as const
const ANSWERS = ['all_done', 'queued', 'early', 'existing', 'refused', 'not_taken'] as const

export const legSecondsMetric = {
  name: 'hushryd_sos_leg_seconds',
  help: 'From an alert’s receipt to the end of each of its legs; backup: by the backup channel.',
  labels: { leg: LEGS, outcome: LEG_OUTCOMES },
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.75, 1, 2, 5],
} as const satisfies MetricSpec

export const raisedMetric = {
  name: 'hushryd_sos_raised_total',
  help: 'Alerts taken in, repeats that were folded not counted.',
} as const satisfies MetricSpec

export const foldedMetric = {
  name: 'hushryd_sos_folded_total',
  help: 'Repeats of an alert that was still on its way, which share its answer.',
} as const satisfies MetricSpec

export const answeredMetric = {
  name: 'hushryd_sos_answered_total',
  help: 'Answers: all legs done; some queued; early, when the answer’s time was over; existing, a repeat of a stored alert; refused; not_taken, neither stream nor database had it.',
  labels: { how: ANSWERS },
} as const satisfies MetricSpec

export const inFlightMetric = {
  name: 'hushryd_sos_in_flight',
  help: 'Alerts with open legs in this process.',
} as const satisfies MetricSpec

export const unackedMetric = {
  name: 'hushryd_sos_unacknowledged',
  help: 'Open alerts that nobody has taken, of all processes; counted up to 10,000.',
} as const satisfies MetricSpec

export const openBatchesMetric = {
  name: 'hushryd_sos_open_batches',
  help: 'Group commits with legs that have not ended well, of all processes; it stays high while a store is away.',
} as const satisfies MetricSpec

export const untoldMetric = {
  name: 'hushryd_sos_untold_events',
  help: 'Events that wait for the log of the operations room.',
} as const satisfies MetricSpec

export const newsMetric = {
  name: 'hushryd_sos_news_total',
  help: 'Changes of alerts by what has happened.',
  labels: { news: NEWS },
} as const satisfies MetricSpec

export const reconciledMetric = {
  name: 'hushryd_sos_reconciled_total',
  help: 'Alerts whose open legs were finished later: from the stream, or from an open batch of the database.',
  labels: { from: ['stream', 'database'] },
} as const satisfies MetricSpec

export const linksMetric = {
  name: 'hushryd_sos_links_total',
  help: 'Share links for contacts put into Redis; failed ones are put again when it is back.',
  labels: { outcome: ['stored', 'failed'] },
} as const satisfies MetricSpec

export type SosEvents = ReturnType<typeof createSosEvents>

export function createSosEvents(log: Log, metrics: Metrics) {
  const legSeconds = metrics.histogram(legSecondsMetric)
  const legs = Object.fromEntries(
    LEGS.map((leg) => [
      leg,
      Object.fromEntries(LEG_OUTCOMES.map((outcome) => [outcome, legSeconds.bind({ leg, outcome })])),
    ]),
  )
  const raised = metrics.counter(raisedMetric).bind({})
  const folded = metrics.counter(foldedMetric).bind({})
  const answered = metrics.counter(answeredMetric)
  const answers = Object.fromEntries(ANSWERS.map((how) => [how, answered.bind({ how })]))
  const news = metrics.counter(newsMetric)
  const reconciled = metrics.counter(reconciledMetric)
  const links = metrics.counter(linksMetric)
  const unacknowledged = metrics.gauge(unackedMetric).bind({})
  const openBatches = metrics.gauge(openBatchesMetric).bind({})

  const intake: IntakeEvents = {
    raised: () => raised.inc(),
    folded: () => folded.inc(),
    answered: (how) => answers[how]?.inc(),
    legEnded: (leg, outcome, durationMs, traceId) =>
      legs[leg]?.[outcome]?.observe(durationMs / 1000, traceId),
  }

  return {
    intake,
    legFailed(leg: Leg, entries: readonly Entry[], error: unknown): void {
      const alertIds = entries.slice(0, 20).map(({ alert }) => alert.alertId)
      log.error({ err: error, leg, alerts: entries.length, alertIds }, 'a leg of alerts failed')
    },
    changed({ alertId, status, version }: Alert, what: News): void {
      news.inc({ news: what })
      log.info({ alertId, news: what, status, version }, 'alert changed')
    },
    reconciled(from: 'stream' | 'database', alerts: number): void {
      if (alerts === 0) return
      reconciled.inc({ from }, alerts)
      log.warn({ from, alerts }, 'open legs of alerts were finished later')
    },
    linksPut(outcome: 'stored' | 'failed', count: number): void {
      links.inc({ outcome }, count)
      if (outcome === 'failed') log.warn({ count }, 'links could not be stored; tried again')
    },
    escalatedFromStream({ alertId }: Alert, step: number): void {
      log.error({ alertId, step }, 'MongoDB is away: an alert is escalated from the stream')
    },
    foreign(alertId: string): void {
      log.warn({ alertId }, 'an alert’s id was used by another person')
    },
    untold(waiting: number): void {
      log.error({ waiting }, 'the log of the operations room did not take an event; it waits')
    },
    failed(what: string, error: unknown): void {
      log.warn({ err: error }, what)
    },
    counts(counts: { readonly unacknowledged: number; readonly openBatches: number }): void {
      unacknowledged.set(counts.unacknowledged)
      openBatches.set(counts.openBatches)
    },
  }
}
