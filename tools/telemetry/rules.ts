/** The rule files of mesh/telemetry, as data. */
import { parse } from 'yaml'
import { readText } from '../sources.ts'
import { FOLDER, listFiles } from './files.ts'

export interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface RuleGroup {
  readonly name: string
  readonly rules: readonly Rule[]
}

/** promtool has the last word on their form. */
export function readRuleFile(text: string): RuleGroup[] {
  return (parse(text) as { readonly groups: RuleGroup[] }).groups
}

export function readRuleGroups(): RuleGroup[] {
  return listFiles('rules').flatMap((path) => readRuleFile(readText(`${FOLDER}/${path}`)))
}
