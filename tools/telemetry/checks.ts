/** What rules, runbooks, promises and dashboards owe each other. Pure: each answers the problems that it finds. */
import { runbookOf } from './burn-rates.ts'
import type { KnownSeries, Series } from './known-series.ts'
import { readQuery } from './promql.ts'
import type { Rule, RuleGroup } from './rules.ts'

export interface Expression {
  /** Where it stands, for the reader of a problem. */
  readonly where: string
  readonly text: string
}

/** What a rule records has the labels that its expression keeps; here any that is used somewhere. */
const RECORDED: Series = {
  labels: new Map(['objective', 'instance', 'provider', 'cause', 'app'].map((label) => [label, undefined])),
}

export function recordedSeries(groups: readonly RuleGroup[]): KnownSeries {
  const names = groups.flatMap(({ rules }) => rules.flatMap(({ record }) => record ?? []))
  return new Map(names.map((name) => [name, RECORDED]))
}

export function checkExpressions(expressions: readonly Expression[], known: KnownSeries): string[] {
  return expressions.flatMap(({ where, text }) => {
    const { selectors, groupedBy } = readQuery(text)
    if (selectors.length === 0) return [`${where}: asks for no series`]
    const problems: string[] = []
    const labels = new Set<string>()
    for (const { name, matchers } of selectors) {
      const series = known.get(name)
      if (series === undefined) {
        problems.push(`${where}: ${name} is no metric`)
        continue
      }
      for (const label of series.labels.keys()) labels.add(label)
      for (const { label, values } of matchers) {
        if (!series.labels.has(label)) problems.push(`${where}: ${name} has no label ${label}`)
        const set = series.labels.get(label)
        const wrong = set === undefined ? [] : (values ?? []).filter((value) => !set.has(value))
        for (const value of wrong) problems.push(`${where}: ${name} has no ${label}="${value}"`)
      }
    }
    const unknown = groupedBy.filter((label) => !labels.has(label))
    return [
      ...problems,
      ...unknown.map((label) => `${where}: groups by ${label}, which none of its series has`),
    ]
  })
}

export function ruleExpressions(groups: readonly RuleGroup[]): Expression[] {
  return groups.flatMap(({ name, rules }) =>
    rules.map(({ alert, record, expr }) => ({ where: `${name}/${alert ?? record}`, text: expr })),
  )
}

export function alertsOf(groups: readonly RuleGroup[]): Rule[] {
  return groups.flatMap(({ rules }) => rules.filter(({ alert }) => alert !== undefined))
}

const SEVERITIES = ['page', 'ticket']

/** `runbooks`: the file names in docs/runbooks with their texts. */
export function checkAlerts(alerts: readonly Rule[], runbooks: ReadonlyMap<string, string>): string[] {
  const named = new Set<string>()
  const problems = alerts.flatMap(({ alert = '', labels = {}, annotations = {} }) => {
    const file = `${runbookOf(alert)}.md`
    named.add(file)
    return [
      ...(SEVERITIES.includes(labels.severity ?? '')
        ? []
        : [`${alert}: its severity is neither page nor ticket`]),
      ...(labels.service === undefined ? [`${alert}: names no service`] : []),
      ...(annotations.summary === undefined ? [`${alert}: has no summary`] : []),
      ...(annotations.runbook_url === `docs/runbooks/${file}`
        ? []
        : [`${alert}: its runbook_url is not ${file}`]),
      ...(runbooks.has(file) ? [] : [`${alert}: docs/runbooks/${file} is missing`]),
    ]
  })
  const idle = [...runbooks].filter(
    ([file, text]) => file !== 'README.md' && !named.has(file) && !/^\*\*No alert\*\*: \S/m.test(text),
  )
  return [
    ...problems,
    ...idle.map(
      ([file]) => `docs/runbooks/${file}: no alert leads here, and no line “**No alert**: …” says why`,
    ),
  ]
}

/** What a runbook tells to look at exists. */
export function checkRunbookMetrics(runbooks: ReadonlyMap<string, string>, known: KnownSeries): string[] {
  return [...runbooks].flatMap(([file, text]) => {
    const names = new Set(text.match(/\bhushryd_[a-z0-9_]*[a-z0-9]/g) ?? [])
    const isKnown = (name: string): boolean => known.has(name) || known.has(`${name}_count`)
    return [...names]
      .filter((name) => !isKnown(name))
      .map((name) => `docs/runbooks/${file}: ${name} is no metric`)
  })
}

export interface Kept {
  readonly name: string
  readonly alerts: readonly string[]
}

export function checkPromises(promises: readonly Kept[], alerts: readonly Rule[]): string[] {
  const names = new Set(alerts.map(({ alert }) => alert))
  const guarded = new Set(promises.flatMap(({ alerts: own }) => own))
  return [
    ...promises
      .filter(({ alerts: own }) => own.length === 0)
      .map(({ name }) => `${name}: no alert guards it`),
    ...[...guarded].filter((alert) => !names.has(alert)).map((alert) => `${alert}: promised, and no rule`),
    ...[...names].flatMap((alert) =>
      alert === undefined || guarded.has(alert) ? [] : [`${alert}: guards no promise`],
    ),
  ]
}

/** Each alert with each of its severities fires in some test of promtool. `tests`: their texts. */
export function checkTested(alerts: readonly Rule[], tests: readonly string[]): string[] {
  const all = tests.join('\n')
  return alerts.flatMap(({ alert = '', labels = {} }) => {
    const { severity } = labels
    const fires = new RegExp(`\\{alertname="${alert}"(?:,severity="${severity}")?[,}]`)
    return fires.test(all) ? [] : [`${alert} (${severity}): fires in no test of mesh/telemetry/tests`]
  })
}
