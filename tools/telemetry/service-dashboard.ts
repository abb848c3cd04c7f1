/** The dashboard of a service: every metric that its code has, its calls, its processes. */
import type { MetricSpec } from '../../kernel/metrics.ts'
import { kindOf } from '../docs/metrics-page.ts'
import { type Dashboard, describeDashboard } from './dashboard.ts'
import { type Panel, RANGE, type Unit } from './panel.ts'

/** Limits that a promise gives to single metrics. */
const LIMITS: Readonly<Record<string, number>> = {
  hushryd_edge_delivery_seconds: 0.1,
  hushryd_edge_sos_seconds: 1,
  hushryd_sos_leg_seconds: 0.5,
  hushryd_notify_receipt_seconds: 60,
  hushryd_notify_queue_seconds: 5,
}

function unitOf({ name }: MetricSpec): Unit {
  if (name.endsWith('_seconds')) return 'seconds'
  if (name.endsWith('_ms')) return 'milliseconds'
  return name.endsWith('_bytes') ? 'bytes' : 'count'
}

/** More series than this are a wall. */
const SERIES_MAX = 12

function metricPanel(spec: MetricSpec): Panel {
  const { name, help, labels = {} } = spec
  const names = Object.keys(labels)
  const by = names.length === 0 ? '' : ` by (${names.join(', ')})`
  const legend = names.length === 0 ? name : names.map((label) => `{{${label}}}`).join(' ')
  const limit = LIMITS[name]
  const head = { title: help, ...(limit === undefined ? {} : { limit }) }
  switch (kindOf(spec)) {
    case 'counter': {
      const rate = `sum${by} (rate(${name}${RANGE}))`
      return {
        ...head,
        unit: 'per second',
        queries: [[by === '' ? rate : `topk(${SERIES_MAX}, ${rate})`, legend]],
      }
    }
    case 'histogram': {
      const buckets = `sum by (${['le', ...names].join(', ')}) (rate(${name}_bucket${RANGE}))`
      const quantiles = [0.5, 0.99].map(
        (share) =>
          [
            `topk(${SERIES_MAX}, histogram_quantile(${share}, ${buckets}))`,
            `${share * 100} % ${legend}`,
          ] as const,
      )
      return { ...head, unit: 'seconds', queries: quantiles }
    }
    case 'gauge':
      return {
        ...head,
        unit: unitOf(spec),
        queries: [
          [
            `max by (${['instance', ...names].join(', ')}) (${name})`,
            `{{instance}} ${names.length === 0 ? '' : legend}`,
          ],
        ],
      }
  }
}

/** What every process has, seen for one. `app` is its name in metrics. */
function processPanels(app: string): Panel[] {
  const where = `{app=~"${app}.*"}`
  return [
    {
      title: 'Processor',
      unit: 'share',
      queries: [[`rate(process_cpu_seconds_total${where}${RANGE})`, '{{instance}}']],
    },
    { title: 'Memory', unit: 'bytes', queries: [[`process_resident_memory_bytes${where}`, '{{instance}}']] },
    {
      title: 'Event loop lag, 99th percentile',
      unit: 'seconds',
      queries: [[`nodejs_eventloop_lag_p99_seconds${where}`, '{{instance}}']],
      limit: 0.1,
    },
    {
      title: 'Stores: 1 while reachable',
      unit: 'count',
      queries: [
        [`hushryd_nats_connected${where}`, 'NATS {{instance}}'],
        [`hushryd_redis_ready${where}`, 'Redis {{instance}}'],
        [`1 - hushryd_store_circuit_open${where}`, '{{store}} {{instance}}'],
      ],
    },
  ]
}

function callPanels(app: string): Panel[] {
  const where = `{app=~"${app}.*"}`
  const p99 = (metric: string): string =>
    `topk(${SERIES_MAX}, histogram_quantile(0.99, sum by (le, method) (rate(${metric}_bucket${where}${RANGE}))))`
  const rate = (metric: string): string =>
    `topk(${SERIES_MAX}, sum by (method, code) (rate(${metric}_count${where}${RANGE})))`
  return [
    {
      title: 'Calls served',
      unit: 'per second',
      queries: [[rate('hushryd_rpc_server_seconds'), '{{method}} {{code}}']],
    },
    {
      title: 'Calls served, 99th percentile',
      unit: 'seconds',
      queries: [[p99('hushryd_rpc_server_seconds'), '{{method}}']],
    },
    {
      title: 'Calls made',
      unit: 'per second',
      queries: [[rate('hushryd_rpc_client_seconds'), '{{method}} {{code}}']],
    },
    {
      title: 'Calls made, 99th percentile',
      unit: 'seconds',
      queries: [[p99('hushryd_rpc_client_seconds'), '{{method}}']],
    },
  ]
}

export function serviceDashboard(service: string, specs: readonly MetricSpec[]): Dashboard {
  return describeDashboard({
    uid: `hushryd-service-${service}`,
    title: `Service: ${service}`,
    description: `Everything that ${service} measures.`,
    tags: ['service'],
    links: [{ type: 'dashboards', title: 'Promises', tags: ['hushryd', 'promise'], asDropdown: true }],
    sections: [
      { title: service, panels: specs.map(metricPanel) },
      { title: 'Calls', panels: callPanels(service) },
      { title: 'Processes', panels: processPanels(service) },
    ],
  })
}
