/** What rules, runbooks, promises and dashboards owe each other; each check is tried with something broken, too. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, readText } from '../sources.ts'
import { runbookOf, writeBurnRates } from './burn-rates.ts'
import {
  alertsOf,
  checkAlerts,
  checkExpressions,
  checkPromises,
  checkRunbookMetrics,
  checkTested,
  recordedSeries,
  ruleExpressions,
} from './checks.ts'
import { FOLDER, listFiles } from './files.ts'
import { readKnownSeries } from './known-series.ts'
import { PROMISES } from './promises.ts'
import { readQuery } from './promql.ts'
import { readRuleFile, readRuleGroups } from './rules.ts'
import { makeDashboards, rulesManifest } from './write.ts'

const GROUPS = readRuleGroups()
const ALERTS = alertsOf(GROUPS)
const KNOWN = new Map([...(await readKnownSeries()), ...recordedSeries(GROUPS)])
const RUNBOOKS = new Map(
  readdirSync(join(ROOT, 'docs/runbooks')).map((file) => [file, readText(`docs/runbooks/${file}`)]),
)
const TESTS = listFiles('tests').map((path) => readText(`${FOLDER}/${path}`))

test('every rule asks for metrics that the code has, with labels and values that they take', () => {
  expect(checkExpressions(ruleExpressions(GROUPS), KNOWN)).toEqual([])
})

test('a metric, a label, a value or a bucket that is not there is found', () => {
  const problems = (text: string) => checkExpressions([{ where: 'x', text }], KNOWN)
  expect(problems('sum(rate(hushryd_edge_delivery_seconds_bucket{le="0.1"}[5m]))')).toEqual([])
  expect(problems('hushryd_edge_connection')).toEqual(['x: hushryd_edge_connection is no metric'])
  expect(problems('hushryd_edge_connections{proto="json"}')).toHaveLength(1)
  expect(problems('hushryd_edge_connections{protocol=~"json|xml"}')).toEqual([
    'x: hushryd_edge_connections has no protocol="xml"',
  ])
  expect(problems('hushryd_edge_delivery_seconds_bucket{le="0.12"}')).toHaveLength(1)
  expect(problems('sum by (trip) (hushryd_edge_rooms)')).toEqual([
    'x: groups by trip, which none of its series has',
  ])
  expect(problems('1 > 0')).toEqual(['x: asks for no series'])
})

test('an expression is read for its series, their matchers and its grouping', () => {
  const text =
    'histogram_quantile(0.9, sum by (le, a) (rate(x_bucket{le!="1",a=~"b|c"}[5m] offset 1w))) > on (d) group_left () y:z'
  expect(readQuery(text)).toEqual({
    selectors: [
      {
        name: 'x_bucket',
        matchers: [
          { label: 'le', values: undefined },
          { label: 'a', values: ['b', 'c'] },
        ],
      },
      { name: 'y:z', matchers: [] },
    ],
    groupedBy: ['le', 'a', 'd'],
  })
})

test('every alert has a severity, a service and a runbook, and every runbook an alert', () => {
  expect(checkAlerts(ALERTS, RUNBOOKS)).toEqual([])
})

test('what runbooks tell to look at is there', () => {
  expect(checkRunbookMetrics(RUNBOOKS, KNOWN)).toEqual([])
  const wrong = new Map([['x.md', 'Look at `hushryd_edge_room` and `hushryd_edge_rooms`.']])
  expect(checkRunbookMetrics(wrong, KNOWN)).toEqual(['docs/runbooks/x.md: hushryd_edge_room is no metric'])
})

test('an alert without its runbook, and a runbook without its alert, are found', () => {
  const expr = 'up == 0'
  const labels = { severity: 'page', service: 'x' }
  const annotations = { summary: 's', runbook_url: 'docs/runbooks/all-down.md' }
  const whole = { alert: 'AllDown', expr, labels, annotations }
  const books = new Map([['all-down.md', '# All down']])
  expect(checkAlerts([whole], books)).toEqual([])
  expect(checkAlerts([{ ...whole, labels: { ...labels, severity: 'warning' } }], books)).toHaveLength(1)
  expect(checkAlerts([{ ...whole, annotations: { summary: 's' } }], books)).toHaveLength(1)
  expect(checkAlerts([whole], new Map())).toHaveLength(1)
  expect(checkAlerts([whole], new Map([...books, ['old.md', '# Old']]))).toHaveLength(1)
  expect(checkAlerts([whole], new Map([...books, ['old.md', '**No alert**: it is done by hand.']]))).toEqual(
    [],
  )
  expect(runbookOf('SosLegsSlow')).toBe('sos-legs-slow')
})

test('every promise is guarded by an alert, and every alert guards a promise', () => {
  expect(checkPromises(PROMISES, ALERTS)).toEqual([])
  expect(checkPromises([{ name: 'bare', alerts: [] }], [])).toEqual(['bare: no alert guards it'])
  expect(checkPromises([{ name: 'a', alerts: ['Gone'] }], [{ alert: 'Idle', expr: 'up' }])).toEqual([
    'Gone: promised, and no rule',
    'Idle: guards no promise',
  ])
})

test('every alert fires in a test that Prometheus’s own checker runs, at each of its severities', () => {
  expect(checkTested(ALERTS, TESTS)).toEqual([])
  expect(
    checkTested([{ alert: 'X', expr: 'up', labels: { severity: 'page' } }], ['{alertname="Xy"}']),
  ).toHaveLength(1)
})

test('the rules of the objectives are the generated ones', () => {
  expect(readText(`${FOLDER}/rules/burn-rates.yaml`), 'run npm run telemetry').toBe(writeBurnRates())
})

test('dashboards show what the code measures: one for each promise and each service, each metric on one', async () => {
  const dashboards = await makeDashboards()
  expect(
    checkExpressions(
      dashboards.flatMap(({ expressions }) => expressions),
      KNOWN,
    ),
  ).toEqual([])
  const ids = dashboards.map(({ uid }) => uid)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining(PROMISES.map(({ name }) => `hushryd-promise-${name}`)))
  // Grafana refuses longer ones.
  expect(ids.filter((uid) => uid.length > 40)).toEqual([])
  const shown = dashboards.flatMap(({ expressions }) => expressions.map(({ text }) => text)).join('\n')
  const own = [...KNOWN.keys()].filter((name) => /^hushryd_(?!.*_(?:sum|count)$)/.test(name))
  const KERNEL_ONLY = /^hushryd_(?:rpc_server_streams|jetstream|mongo|nats|redis|store)/
  expect(own.filter((name) => !KERNEL_ONLY.test(name) && !shown.includes(name))).toEqual([])
})

test('the manifest of the rules is all of them, with runbooks where the operator’s are', () => {
  const text = rulesManifest(GROUPS, 'https://wiki.example/runbooks')
  expect(text).toContain('runbook_url: https://wiki.example/runbooks/nats-away.md')
  expect(text).not.toContain(' docs/runbooks/')
  const rules = GROUPS.flatMap((group) => group.rules)
  expect(text.match(/^ +- (?:alert|record): /gm)).toHaveLength(rules.length)
  expect(readRuleFile('groups:\n  - name: a\n    rules: []')).toEqual([{ name: 'a', rules: [] }])
})
