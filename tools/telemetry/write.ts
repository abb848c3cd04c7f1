/**
 * `npm run telemetry`: the rules of objectives.ts into mesh/telemetry/rules, and
 * what a cluster loads, all rules as one manifest and the dashboards, into
 * mesh/telemetry/out, which is not committed: dashboards show every metric of
 * the code, and follow it without anybody's doing.
 *
 * `--runbooks URL` says where docs/runbooks can be read, for links.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { readMetricSpecs } from '../docs/metrics-page.ts'
import { ROOT } from '../sources.ts'
import { writeBurnRates } from './burn-rates.ts'
import type { Dashboard } from './dashboard.ts'
import { FOLDER } from './files.ts'
import { promiseDashboard } from './promise-dashboard.ts'
import { PROMISES } from './promises.ts'
import { type RuleGroup, readRuleGroups } from './rules.ts'
import { serviceDashboard } from './service-dashboard.ts'

const RUNBOOKS = 'docs/runbooks'

export async function makeDashboards(runbooks = RUNBOOKS): Promise<Dashboard[]> {
  const owned = await readMetricSpecs()
  owned.delete('kernel')
  return [
    ...PROMISES.map((promised) => promiseDashboard(promised, runbooks)),
    ...[...owned]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([service, specs]) => serviceDashboard(service, [...specs.values()])),
  ]
}

/** For the Prometheus operator. */
export function rulesManifest(groups: readonly RuleGroup[], runbooks = RUNBOOKS): string {
  const at = (url: string): string => url.replace(`${RUNBOOKS}/`, `${runbooks}/`)
  const spec = {
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map(({ annotations, ...rule }) => {
        const { runbook_url: url, ...rest } = annotations ?? {}
        return url === undefined ? rule : { ...rule, annotations: { ...rest, runbook_url: at(url) } }
      }),
    })),
  }
  const metadata = { name: 'hushryd', labels: { 'app.kubernetes.io/part-of': 'hushryd' } }
  return stringify({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata, spec })
}

/** Grafana's sidecar loads what has the label. */
function kustomization(dashboards: readonly Dashboard[]): string {
  return stringify({
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace: 'monitoring',
    resources: ['prometheus-rules.yaml'],
    generatorOptions: { disableNameSuffixHash: true, labels: { grafana_dashboard: '1' } },
    configMapGenerator: dashboards.map(({ uid }) => ({ name: uid, files: [`dashboards/${uid}.json`] })),
  })
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { runbooks: { type: 'string', default: RUNBOOKS } } })
  const folder = join(ROOT, FOLDER)
  writeFileSync(join(folder, 'rules', 'burn-rates.yaml'), writeBurnRates())
  const dashboards = await makeDashboards(values.runbooks)
  rmSync(join(folder, 'out'), { recursive: true, force: true })
  mkdirSync(join(folder, 'out', 'dashboards'), { recursive: true })
  for (const { uid, json } of dashboards)
    writeFileSync(join(folder, 'out', 'dashboards', `${uid}.json`), `${JSON.stringify(json, undefined, 2)}\n`)
  writeFileSync(
    join(folder, 'out', 'prometheus-rules.yaml'),
    rulesManifest(readRuleGroups(), values.runbooks),
  )
  writeFileSync(join(folder, 'out', 'kustomization.yaml'), kustomization(dashboards))
  console.log(`${dashboards.length} dashboards and the rules are in ${FOLDER}/out`)
}
