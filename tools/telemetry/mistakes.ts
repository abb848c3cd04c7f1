/**
 * Whether each check of rules sees a mistake: every file of mesh/telemetry/broken
 * is one, and names who catches it and what is said of it.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readText } from '../sources.ts'
import {
  alertsOf,
  checkAlerts,
  checkExpressions,
  checkPromises,
  checkTested,
  ruleExpressions,
} from './checks.ts'
import { FOLDER, listFiles } from './files.ts'
import { readKnownSeries } from './known-series.ts'
import { PROMISES } from './promises.ts'
import { readRuleFile } from './rules.ts'

const BROKEN = `${FOLDER}/broken`

/** What a check says of the file. */
type Catcher = (path: string) => string | Promise<string>

function promtoolCatcher(program: string, args: readonly string[]): Catcher {
  return (path) => {
    const { status, stdout, stderr } = spawnSync(program, [...args, join(ROOT, path)], { encoding: 'utf8' })
    return status === 0 ? 'nothing' : `${stdout}${stderr}`
  }
}

function catchers(promtool: string): Readonly<Record<string, Catcher>> {
  const alerts = (path: string) => alertsOf(readRuleFile(readText(path)))
  const runbooks = new Map(
    readdirSync(join(ROOT, 'docs/runbooks')).map((file) => [file, readText(`docs/runbooks/${file}`)]),
  )
  const tests = listFiles('tests').map((path) => readText(`${FOLDER}/${path}`))
  return {
    'promtool check rules': promtoolCatcher(promtool, ['check', 'rules']),
    'promtool test rules': promtoolCatcher(promtool, ['test', 'rules']),
    'promtool check config': promtoolCatcher(promtool, ['check', 'config', '--syntax-only']),
    'the metrics of the code': async (path) =>
      checkExpressions(ruleExpressions(readRuleFile(readText(path))), await readKnownSeries()).join('\n'),
    'the runbooks': (path) => checkAlerts(alerts(path), runbooks).join('\n'),
    'the promises': (path) => checkPromises(PROMISES, alerts(path)).join('\n'),
    'the tests of rules': (path) => checkTested(alerts(path), tests).join('\n'),
  }
}

/** Says of each mistake who caught it; answers how many nobody did. */
export async function tryMistakes(promtool: string, say: (line: string) => void): Promise<number> {
  const known = catchers(promtool)
  const idle = new Set(Object.keys(known))
  let missed = 0
  for (const name of readdirSync(join(ROOT, BROKEN)).sort()) {
    const path = `${BROKEN}/${name}`
    const text = readText(path)
    const [, catcher = ''] = /^# caught by: (.+)$/m.exec(text) ?? []
    const [, says] = /^# says: (.+)$/m.exec(text) ?? []
    const said = (await known[catcher]?.(path)) ?? `nobody named ${catcher} catches anything`
    const isCaught = says !== undefined && said.includes(says)
    if (!isCaught) missed += 1
    idle.delete(catcher)
    say(
      isCaught ? `${name} is caught by ${catcher}: ${says}` : `${name} is NOT caught by ${catcher}: ${said}`,
    )
  }
  for (const catcher of idle) say(`${catcher}: no file of ${BROKEN} shows that it catches anything`)
  return missed + idle.size
}
