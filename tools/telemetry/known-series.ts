/** Which series exist, with which labels: from the code's own metrics, Node's, and Prometheus's. */
import { LATENCY_BUCKETS_S, type MetricSpec } from '../../kernel/metrics.ts'
import { kindOf, readMetricSpecs } from '../docs/metrics-page.ts'

export interface Series {
  /** Each label with its values; undefined where they are not a closed set. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string> | undefined>
}

export type KnownSeries = ReadonlyMap<string, Series>

/** Prometheus adds them to whatever it reads: mesh/telemetry/kubernetes/pod-monitor.yaml. */
const SCRAPED = ['job', 'instance'] as const

function open(...names: readonly string[]): Series {
  return { labels: new Map([...SCRAPED, ...names].map((name) => [name, undefined])) }
}

/** Of Node and of Prometheus, as far as rules and dashboards use them. */
const FOREIGN: readonly [string, Series][] = [
  ['up', open()],
  ['process_start_time_seconds', open('app')],
  ['process_cpu_seconds_total', open('app')],
  ['process_resident_memory_bytes', open('app')],
  ['nodejs_eventloop_lag_p99_seconds', open('app')],
  ['ALERTS', open('alertname', 'alertstate', 'severity', 'service', 'objective')],
]

function seriesOf(spec: MetricSpec): [string, Series][] {
  const labels = new Map<string, ReadonlySet<string> | undefined>(open('app').labels)
  for (const [label, values] of Object.entries(spec.labels ?? {})) labels.set(label, new Set(values))
  if (kindOf(spec) !== 'histogram') return [[spec.name, { labels }]]
  const bounds = [...(spec.buckets ?? LATENCY_BUCKETS_S).map(String), '+Inf']
  return [
    [`${spec.name}_sum`, { labels }],
    [`${spec.name}_count`, { labels }],
    [`${spec.name}_bucket`, { labels: new Map(labels).set('le', new Set(bounds)) }],
  ]
}

export async function readKnownSeries(): Promise<KnownSeries> {
  const specs = [...(await readMetricSpecs()).values()].flatMap((owned) => [...owned.values()])
  return new Map([...FOREIGN, ...specs.flatMap(seriesOf)])
}
