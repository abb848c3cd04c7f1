/** docs/METRICS.md: every metric, from the exported specs. */
import type { MetricSpec } from '../../kernel/metrics.ts'
import { readSources } from '../sources.ts'
import { exportsOf, GENERATED, table } from './markdown.ts'

function isMetricSpec(value: unknown): value is MetricSpec {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    value.name.startsWith('hushryd_') &&
    'help' in value
  )
}

export type MetricKind = 'counter' | 'histogram' | 'gauge'

/** The endings are the house's rule: docs/STYLE.md, kernel/metrics.ts. */
export function kindOf({ name, buckets }: MetricSpec): MetricKind {
  if (name.endsWith('_total')) return 'counter'
  return buckets !== undefined || name.endsWith('_seconds') ? 'histogram' : 'gauge'
}

/** Longer lists, such as the contract's methods, are only counted. */
const VALUES_CHARS_MAX = 150

function labelsOf({ labels = {} }: MetricSpec): string {
  return Object.entries(labels)
    .map(
      ([label, values]) =>
        `\`${label}\`: ${values.join(', ').length > VALUES_CHARS_MAX ? `${values.length} values` : values.join(', ')}`,
    )
    .join('; ')
}

function ownerOf(path: string): string {
  const [first = '', second = ''] = path.split('/')
  return first === 'services' ? second : first
}

/** By the folder that defines them: `kernel`, `edge`, a service. */
export async function readMetricSpecs(): Promise<Map<string, Map<string, MetricSpec>>> {
  const byOwner = new Map<string, Map<string, MetricSpec>>()
  const defining = readSources().filter(
    ({ path, text }) =>
      /^(?:kernel|edge|services)\//.test(path) &&
      !/\.test\.ts$|\/testing\/|main\.ts$/.test(path) &&
      /name: 'hushryd_/.test(text),
  )
  for (const { path } of defining) {
    const specs = byOwner.getOrInsertComputed(ownerOf(path), () => new Map<string, MetricSpec>())
    const add = (value: unknown): void => {
      if (isMetricSpec(value)) specs.set(value.name, value)
      else if (typeof value === 'object' && value !== null)
        Object.values(value).filter(isMetricSpec).forEach(add)
    }
    for (const [, value] of await exportsOf(path)) add(value)
  }
  return byOwner
}

export async function describeMetrics(): Promise<string> {
  const byOwner = await readMetricSpecs()
  const kernelFirst = [...byOwner.keys()].sort(
    (a, b) => Number(b === 'kernel') - Number(a === 'kernel') || (a < b ? -1 : 1),
  )
  const sections = kernelFirst.map((owner) => {
    const specs = [...(byOwner.get(owner)?.values() ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1))
    const rows = specs.map((spec) => [`\`${spec.name}\``, kindOf(spec), labelsOf(spec), spec.help])
    const title = owner === 'kernel' ? 'Every process' : owner
    return `## ${title}\n\n${table(['metric', 'kind', 'labels', ''], rows)}`
  })
  const parts = [
    '# Metrics',
    GENERATED,
    'Prometheus text at `/metrics` of each operations port. `app` names the process. Labels are closed sets: a value outside of one counts as `other`, and no id is ever a label. Times are in seconds, with buckets around the two promises: 100 ms for a position, 500 ms for an alert. Counters and histograms with up to a hundred combinations of labels are there with 0 from the start, so that `increase()` sees the first event. The metrics of Node itself (`process_…`, `nodejs_…`) are there too. While traces are on it is OpenMetrics, in which histograms name a trace for each bucket. Rules and dashboards on top: [mesh/telemetry](../mesh/telemetry/README.md).',
    ...sections,
  ]
  return `${parts.join('\n\n')}\n`
}
