/** What is promised to somebody in danger, and to those who send, call and check for them. Pure. */
import { missed, quantile, RANGE, rates } from './panel.ts'
import type { Promised } from './promises.ts'

export const PROMISES_TO_PEOPLE: readonly Promised[] = [
  {
    name: 'alert-raised',
    title: 'An alert is stored and told',
    promise:
      'Within 500 ms an alert is in the stream and the database, operations see it and its contacts are being told. What one leg cannot do its backup does, and nothing fails silently.',
    alerts: [
      'SosLegsSlow',
      'SosAnswersLate',
      'SosRoundTripsSlow',
      'SosLegFailed',
      'SosNotTaken',
      'SosBatchesOpen',
      'AlertCallsFailing',
    ],
    panels: [
      {
        title: 'Legs, 99th percentile',
        unit: 'seconds',
        queries: [[quantile(0.99, 'hushryd_sos_leg_seconds', { by: 'leg' }), '{{leg}}']],
        limit: 0.5,
      },
      {
        title: 'From the frame to the answer, at the edge',
        unit: 'seconds',
        queries: [
          [quantile(0.5, 'hushryd_edge_sos_seconds', { by: 'way' }), 'half, {{way}}'],
          [quantile(0.99, 'hushryd_edge_sos_seconds', { by: 'way' }), '99 %, {{way}}'],
        ],
        limit: 1,
      },
      {
        title: 'Alerts',
        unit: 'per second',
        queries: [
          [`sum(rate(hushryd_sos_raised_total${RANGE}))`, 'raised'],
          [`sum(rate(hushryd_sos_folded_total${RANGE}))`, 'repeats'],
          [rates('hushryd_sos_answered_total', 'how'), 'answered: {{how}}'],
        ],
      },
      {
        title: 'Legs by backup, or not done',
        unit: 'per second',
        queries: [
          [
            rates('hushryd_sos_leg_seconds_count', 'leg, outcome', '{outcome=~"backup|failed"}'),
            '{{leg}}: {{outcome}}',
          ],
        ],
      },
      {
        title: 'Calls to emergency contacts',
        unit: 'per second',
        queries: [[rates('hushryd_maskcall_alert_calls_total', 'outcome'), '{{outcome}}']],
      },
      {
        title: 'Not finished',
        unit: 'count',
        queries: [
          ['sum(hushryd_sos_in_flight)', 'alerts with open legs'],
          ['max(hushryd_sos_open_batches)', 'open batches'],
          ['sum(hushryd_sos_untold_events)', 'events that wait for the log'],
        ],
      },
      missed('sos_legs', 0.001),
    ],
  },
  {
    name: 'alert-taken',
    title: 'Somebody takes an alert',
    promise:
      'An alert that no one acknowledges in 30 s is told to the people on duty, and again each minute.',
    alerts: ['SosUnacknowledged'],
    panels: [
      {
        title: 'Open alerts that nobody has taken',
        unit: 'count',
        queries: [['max(hushryd_sos_unacknowledged)', 'not taken']],
        limit: 1,
      },
      {
        title: 'What happens to alerts',
        unit: 'per second',
        queries: [[rates('hushryd_sos_news_total', 'news'), '{{news}}']],
      },
    ],
  },
  {
    name: 'notifications',
    title: 'A message of high priority arrives within 60 s',
    promise:
      'Over at least one channel, or its failure is on record with a retry scheduled. What waits is taken by priority; a provider that fails has another in its place.',
    alerts: [
      'NotificationsLate',
      'NotificationGivenUp',
      'NotifyQueueBehind',
      'ProviderCutOff',
      'WebhooksUnbelieved',
    ],
    panels: [
      {
        title: 'From the hand-over to the receipt, 99th percentile',
        unit: 'seconds',
        queries: [[quantile(0.99, 'hushryd_notify_receipt_seconds', { by: 'channel' }), '{{channel}}']],
        limit: 60,
      },
      {
        title: 'How notifications end, at high priority',
        unit: 'per second',
        queries: [
          [rates('hushryd_notify_ended_total', 'outcome', '{priority="high"}'), '{{outcome}}'],
          [`sum(rate(hushryd_notify_budget_missed_total${RANGE}))`, 'late'],
        ],
      },
      {
        title: 'In the queue',
        unit: 'count',
        queries: [['max by (priority) (hushryd_notify_queue_waiting)', '{{priority}}']],
      },
      {
        title: 'Time in the queue, 95th percentile',
        unit: 'seconds',
        queries: [[quantile(0.95, 'hushryd_notify_queue_seconds', { by: 'priority' }), '{{priority}}']],
        limit: 5,
      },
      {
        title: 'Hand-overs',
        unit: 'per second',
        queries: [[rates('hushryd_notify_attempts_total', 'provider, outcome'), '{{provider}}: {{outcome}}']],
      },
      {
        title: 'Providers cut off',
        unit: 'count',
        queries: [['max by (provider) (hushryd_notify_breaker_open)', '{{provider}}']],
        limit: 1,
      },
      missed('notification_budget', 0.01),
    ],
  },
  {
    name: 'masked-calls',
    title: 'Rider and driver reach each other, unseen',
    promise:
      'There is a number for every trip, calls are connected, and neither ever sees the other’s number.',
    alerts: ['PoolExhausted', 'CallsNotPlaced', 'ProviderCutOff'],
    panels: [
      {
        title: 'Places of the pool that are taken',
        unit: 'share',
        queries: [['maskcall:pool_held:ratio', '{{provider}}']],
        limit: 0.8,
      },
      {
        title: 'Wishes for a session',
        unit: 'per second',
        queries: [[rates('hushryd_maskcall_sessions_total', 'outcome'), '{{outcome}}']],
      },
      {
        title: 'Calls handed to providers',
        unit: 'per second',
        queries: [
          [rates('hushryd_maskcall_placements_total', 'provider, outcome'), '{{provider}}: {{outcome}}'],
        ],
      },
      {
        title: 'How calls end',
        unit: 'per second',
        queries: [[rates('hushryd_maskcall_calls_total', 'result'), '{{result}}']],
      },
      missed('masked_calls', 0.01),
    ],
  },
  {
    name: 'documents',
    title: 'Documents are checked, whole and safe',
    promise:
      'A file is available only once it was scanned; what was uploaded is either whole or gone; its owner is told.',
    alerts: ['ScannerDown', 'StorageDown', 'DocumentsWaiting'],
    panels: [
      {
        title: 'Waiting for a verdict',
        unit: 'count',
        queries: [['max(hushryd_docs_waiting)', 'uploads']],
        limit: 500,
      },
      {
        title: 'Scanner',
        unit: 'count',
        queries: [['min(hushryd_docs_scanner_up)', 'answers']],
      },
      {
        title: 'From the announcement to the verdict',
        unit: 'seconds',
        queries: [
          [quantile(0.5, 'hushryd_docs_ready_seconds', { by: 'outcome' }), 'half, {{outcome}}'],
          [quantile(0.99, 'hushryd_docs_ready_seconds', { by: 'outcome' }), '99 %, {{outcome}}'],
        ],
      },
      {
        title: 'Verdicts, and work that is repeated',
        unit: 'per second',
        queries: [
          [rates('hushryd_docs_examinations_total', 'verdict'), '{{verdict}}'],
          [`sum(rate(hushryd_docs_work_again_total${RANGE}))`, 'again'],
        ],
      },
    ],
  },
  {
    name: 'operations-log',
    title: 'The operations room sees everything, in one order',
    promise: 'Every admin sees the same events in the same order, without gaps, at once and later.',
    alerts: ['OperationsLogBehind'],
    panels: [
      {
        title: 'Processes that follow the log',
        unit: 'count',
        queries: [
          ['sum(hushryd_admin_log_alive)', 'follow'],
          ['count(hushryd_admin_log_alive)', 'all'],
        ],
      },
      {
        title: 'Not there yet',
        unit: 'count',
        queries: [
          ['max(hushryd_admin_unarchived)', 'not in the archive'],
          ['sum(hushryd_sos_untold_events)', 'events of alerts that wait'],
        ],
      },
      {
        title: 'Watchers',
        unit: 'count',
        queries: [['sum(hushryd_admin_watchers)', 'open streams']],
      },
      {
        title: 'Events',
        unit: 'per second',
        queries: [
          [`rate(hushryd_admin_log_last_sequence${RANGE})`, 'seen by {{instance}}'],
          [rates('hushryd_admin_archived_total', 'outcome'), 'archive: {{outcome}}'],
        ],
      },
    ],
  },
]
