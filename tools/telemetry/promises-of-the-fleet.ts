/** What is promised of positions, sockets and the system as a whole. Pure. */
import { missed, quantile, RANGE, rates } from './panel.ts'
import type { Promised } from './promises.ts'

export const PROMISES_OF_THE_FLEET: readonly Promised[] = [
  {
    name: 'positions',
    title: 'Followers see positions within 100 ms',
    promise: 'A position that a driver’s app reports is on every follower’s socket within 100 ms.',
    alerts: ['PositionsLate', 'LanesDown', 'PositionsLost', 'EventLoopSlow'],
    panels: [
      {
        title: 'From the phone’s own time to the socket',
        unit: 'seconds',
        queries: [
          [quantile(0.5, 'hushryd_edge_delivery_seconds'), 'half'],
          [quantile(0.99, 'hushryd_edge_delivery_seconds'), '99 %'],
        ],
        limit: 0.1,
      },
      {
        title: 'Where the time goes, 99th percentile',
        unit: 'seconds',
        queries: [
          [quantile(0.99, 'hushryd_location_flush_seconds'), 'a window to the lanes'],
          [quantile(0.99, 'hushryd_edge_lane_ack_seconds'), 'a batch up and its acknowledgement'],
          ['max(nodejs_eventloop_lag_p99_seconds{app="edge"})', 'event loop of the slowest edge'],
        ],
        limit: 0.1,
      },
      {
        title: 'Positions',
        unit: 'per second',
        queries: [
          [`sum(rate(hushryd_edge_positions_in_total${RANGE}))`, 'in'],
          [`sum(rate(hushryd_edge_positions_out_total${RANGE}))`, 'out'],
          [`sum(rate(hushryd_edge_positions_skipped_total${RANGE}))`, 'left out for slow readers'],
        ],
      },
      {
        title: 'Lanes',
        unit: 'count',
        queries: [
          ['sum(hushryd_edge_lanes_up)', 'up'],
          ['sum(hushryd_edge_lane_held_reports)', 'positions held'],
        ],
      },
      {
        title: 'Given up',
        unit: 'per second',
        queries: [
          [`sum(rate(hushryd_edge_lane_thinned_total${RANGE}))`, 'at edges, for want of room'],
          [`sum(rate(hushryd_location_feed_dropped_total${RANGE}))`, 'flushes, while NATS is away'],
        ],
      },
      missed('position_delivery', 0.01),
    ],
  },
  {
    name: 'trail',
    title: 'The track of a ride is kept',
    promise: 'Every position that was taken in is in the history for 30 days.',
    alerts: ['HistoryBehind', 'PositionsLost'],
    panels: [
      {
        title: 'Age of the newest position in MongoDB',
        unit: 'milliseconds',
        queries: [['max(hushryd_location_history_lag_ms)', 'lag']],
        limit: 300_000,
      },
      {
        title: 'Waiting in JetStream',
        unit: 'count',
        queries: [
          ['max(hushryd_location_history_pending)', 'messages'],
          ['sum(hushryd_location_feed_waiting)', 'flushes that wait for JetStream'],
        ],
      },
      {
        title: 'Positions written',
        unit: 'per second',
        queries: [[rates('hushryd_location_history_positions_total', 'outcome'), '{{outcome}}']],
      },
      {
        title: 'One batch into MongoDB',
        unit: 'seconds',
        queries: [[quantile(0.99, 'hushryd_location_history_write_seconds'), '99 %']],
      },
    ],
  },
  {
    name: 'connections',
    title: 'Everybody has a socket, and edges are even',
    promise:
      'Whoever connects is taken in, at one edge or another; the fullest edge stays within 10 % of the mean; a revoked session ends everywhere within a second.',
    alerts: ['ConnectionsUneven', 'SocketsRefused', 'RefusalsRising', 'RevocationsUnseen'],
    panels: [
      {
        title: 'Sockets of each edge',
        unit: 'count',
        queries: [
          ['edge:connections:sum', '{{instance}}'],
          ['avg(edge:connections:sum)', 'mean'],
        ],
      },
      {
        title: 'The fullest edge above the mean',
        unit: 'share',
        queries: [['max(edge:connections:sum) / avg(edge:connections:sum) - 1', 'above the mean']],
        limit: 0.1,
      },
      {
        title: 'Sockets refused',
        unit: 'per second',
        queries: [[rates('hushryd_edge_upgrades_refused_total', 'cause'), '{{cause}}']],
      },
      {
        title: 'Sockets closed by the edge',
        unit: 'per second',
        queries: [
          [rates('hushryd_edge_closes_total', 'code'), '{{code}}'],
          [`sum(rate(hushryd_edge_moved_total${RANGE}))`, 'asked to move'],
        ],
      },
      {
        title: 'Error frames',
        unit: 'per second',
        queries: [[`topk(8, ${rates('hushryd_edge_refusals_total', 'reason')})`, '{{reason}}']],
      },
    ],
  },
  {
    name: 'freshness',
    title: 'What is known of people and trips is fresh',
    promise: 'A changed phone number, contact or trip is known on every node within a second.',
    alerts: ['DirectoryStale'],
    panels: [
      {
        title: 'Changes that are not settled',
        unit: 'count',
        queries: [['max by (kind) (hushryd_directory_marked)', '{{kind}}']],
        limit: 1,
      },
      {
        title: 'Reads, by where the answer came from',
        unit: 'per second',
        queries: [[rates('hushryd_directory_reads_total', 'source'), '{{source}}']],
      },
      {
        title: 'Failures',
        unit: 'per second',
        queries: [
          [rates('hushryd_directory_cache_failures_total', 'operation'), 'Redis: {{operation}}'],
          [rates('hushryd_directory_announce_failures_total', 'outcome'), 'announcement: {{outcome}}'],
        ],
      },
    ],
  },
  {
    name: 'failures',
    title: 'A part that is away takes no other with it',
    promise:
      'Requests get an answer within their time, if only a clear refusal; a store, a service or a process that is away is worked around, and comes back by itself.',
    alerts: [
      'NatsAway',
      'PublishesRefused',
      'RedisAway',
      'MongoAway',
      'ProcessDown',
      'ProcessRestarting',
      'ServiceFaults',
      'RestFailing',
    ],
    panels: [
      {
        title: 'Stores, as each process sees them',
        unit: 'count',
        queries: [
          ['min by (app) (hushryd_nats_connected)', 'NATS: {{app}}'],
          ['min by (app) (hushryd_redis_ready)', 'Redis: {{app}}'],
          ['1 - max by (app, store) (hushryd_store_circuit_open)', '{{store}}: {{app}}'],
        ],
      },
      {
        title: 'Published to JetStream',
        unit: 'per second',
        queries: [[rates('hushryd_jetstream_published_total', 'app, outcome'), '{{app}}: {{outcome}}']],
      },
      {
        title: 'REST, by status',
        unit: 'per second',
        queries: [[rates('hushryd_edge_rest_seconds_count', 'status'), '{{status}}']],
      },
      {
        title: 'Calls that fail',
        unit: 'per second',
        queries: [
          [
            rates(
              'hushryd_rpc_server_seconds_count',
              'app, code',
              '{code=~"INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED"}',
            ),
            '{{app}}: {{code}}',
          ],
        ],
      },
      {
        title: 'Processes that answer',
        unit: 'count',
        queries: [['sum by (job) (up{job=~"hushryd.*"})', '{{job}}']],
      },
      missed('rest', 0.001),
    ],
  },
]
