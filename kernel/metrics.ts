/**
 * Prometheus metrics with closed label sets: each label lists its values, and
 * a value outside of them counts as `other`. So no id ever becomes a label.
 *
 * Specs are exported constants, from which docs/METRICS.md is generated.
 */
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'
import { isTracing } from './tracing.ts'

/** Each label with all the values it may take. */
export type LabelSets = Readonly<Record<string, readonly string[]>>
export type LabelValues<L extends LabelSets> = { readonly [K in keyof L]: L[K][number] }

export interface MetricSpec<L extends LabelSets = LabelSets> {
  /** Snake case, with the unit last: `hushryd_lane_flush_seconds`, `..._total` for counters. */
  readonly name: string
  readonly help: string
  readonly labels?: L
  /** Histograms only; LATENCY_BUCKETS_S where left out. */
  readonly buckets?: readonly number[]
}

/** Seconds. Dense around the two promises: 100 ms for a position, 500 ms for an alert. */
export const LATENCY_BUCKETS_S = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.4, 0.5, 0.75, 1, 2.5, 5, 10,
] as const

const OTHER = 'other'

export interface BoundCounter {
  inc(by?: number): void
}
export interface CounterMetric<L extends LabelSets> {
  inc(labels: LabelValues<L>, by?: number): void
  /** For hot paths: the labels are looked up once. */
  bind(labels: LabelValues<L>): BoundCounter
}
export interface BoundGauge {
  set(value: number): void
  inc(by?: number): void
  dec(by?: number): void
}
export interface GaugeMetric<L extends LabelSets> {
  set(labels: LabelValues<L>, value: number): void
  inc(labels: LabelValues<L>, by?: number): void
  dec(labels: LabelValues<L>, by?: number): void
  bind(labels: LabelValues<L>): BoundGauge
}
export interface BoundHistogram {
  observe(value: number, traceId?: string): void
}
export interface HistogramMetric<L extends LabelSets> {
  /** The trace, where there is one, is kept as the example of its bucket. */
  observe(labels: LabelValues<L>, value: number, traceId?: string): void
  bind(labels: LabelValues<L>): BoundHistogram
}

/** Without labels, `labels` is `{}`. Asking again for the same name gives the same metric. */
export interface Metrics {
  readonly registry: Registry | Registry<OpenMetricsContentType>
  counter<const L extends LabelSets = Record<never, never>>(spec: MetricSpec<L>): CounterMetric<L>
  /** With `read` the gauge is read when it is scraped. */
  gauge<const L extends LabelSets = Record<never, never>>(
    spec: MetricSpec<L>,
    read?: () => number,
  ): GaugeMetric<L>
  histogram<const L extends LabelSets = Record<never, never>>(spec: MetricSpec<L>): HistogramMetric<L>
  /** The text that Prometheus reads. */
  render(): Promise<string>
}

/** More series than this, and those that never happen are not worth their place. */
const ZEROS_MAX = 100

/** Every combination of the labels' values; none where they are too many. */
function combinationsOf({ labels = {} }: MetricSpec): Record<string, string>[] {
  const sets = Object.entries(labels)
  if (sets.length === 0 || sets.reduce((product, [, values]) => product * values.length, 1) > ZEROS_MAX)
    return []
  return sets.reduce<Record<string, string>[]>(
    (made, [label, values]) => made.flatMap((some) => values.map((value) => ({ ...some, [label]: value }))),
    [{}],
  )
}

type Closed = (labels: Readonly<Record<string, string>>) => Record<string, string>

function closeLabels({ name, labels = {} }: MetricSpec): Closed {
  const sets = Object.entries(labels).map(([label, values]) => [label, new Set(values)] as const)
  if (sets.some(([, values]) => values.size === 0)) throw new Error(`${name}: a label without values`)
  return (given) => {
    const closed: Record<string, string> = {}
    for (const [label, values] of sets) {
      const value = given[label] ?? OTHER
      closed[label] = values.has(value) ? value : OTHER
    }
    return closed
  }
}

function createRegistry(hasExamples: boolean): Metrics['registry'] {
  if (!hasExamples) return new Registry()
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  return registry
}

/**
 * A counter with closed labels is there with 0 for each of them from the start:
 * one that appears with its first event hides that event from `increase()`. So
 * is a histogram. While traces are on, /metrics is OpenMetrics, which has a
 * place for examples; histograms then name a trace for each bucket.
 */
export function createMetrics(service: string): Metrics {
  const hasExamples = isTracing()
  const registry = createRegistry(hasExamples)
  // Not `service`, which on calls is the gRPC service.
  registry.setDefaultLabels({ app: service })
  collectDefaultMetrics({ register: registry })
  const made = new Map<string, unknown>()

  function once<M>(name: string, make: () => M): M {
    const earlier = made.get(name)
    // A name belongs to one spec, and so to one kind.
    if (earlier !== undefined) return earlier as M
    const metric = make()
    made.set(name, metric)
    return metric
  }

  function base(spec: MetricSpec) {
    return {
      name: spec.name,
      help: spec.help,
      labelNames: Object.keys(spec.labels ?? {}),
      registers: [registry],
    }
  }

  return {
    registry,
    counter: (spec) =>
      once(spec.name, () => {
        const metric = new Counter<string>(base(spec))
        const close = closeLabels(spec)
        for (const labels of combinationsOf(spec)) metric.inc(labels, 0)
        return {
          inc: (labels, by = 1) => metric.inc(close(labels), by),
          bind: (labels) => {
            const child = metric.labels(close(labels))
            return { inc: (by = 1) => child.inc(by) }
          },
        }
      }),
    gauge: (spec, read) =>
      once(spec.name, () => {
        const metric: Gauge<string> = new Gauge<string>({
          ...base(spec),
          ...(read === undefined ? {} : { collect: () => metric.set(read()) }),
        })
        const close = closeLabels(spec)
        return {
          set: (labels, value) => metric.set(close(labels), value),
          inc: (labels, by = 1) => metric.inc(close(labels), by),
          dec: (labels, by = 1) => metric.dec(close(labels), by),
          bind: (labels) => {
            const child = metric.labels(close(labels))
            return {
              set: (value) => child.set(value),
              inc: (by = 1) => child.inc(by),
              dec: (by = 1) => child.dec(by),
            }
          },
        }
      }),
    histogram: (spec) =>
      once(spec.name, () => {
        const metric = new Histogram<string>({
          ...base(spec),
          buckets: [...(spec.buckets ?? LATENCY_BUCKETS_S)],
          enableExemplars: hasExamples,
        })
        const close = closeLabels(spec)
        for (const labels of combinationsOf(spec)) metric.zero(labels)
        function observe(labels: Record<string, string>, value: number, traceId: string | undefined): void {
          if (!hasExamples) metric.observe(labels, value)
          else if (traceId === undefined) metric.observe({ labels, value })
          else metric.observe({ labels, value, exemplarLabels: { trace_id: traceId } })
        }
        return {
          observe: (labels, value, traceId) => observe(close(labels), value, traceId),
          bind: (labels) => {
            const closed = close(labels)
            const child = metric.labels(closed)
            return {
              observe: (value, traceId) =>
                traceId === undefined ? child.observe(value) : observe(closed, value, traceId),
            }
          },
        }
      }),
    render: async () => await registry.metrics(),
  }
}
