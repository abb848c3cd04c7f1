/**
 * `npm run verify:telemetry`: the rules as Prometheus itself reads them, what
 * they do with made-up series, and whether it can read what dashboards ask.
 * Everything else about them is in the tests.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ROOT } from '../sources.ts'
import { FOLDER, listFiles } from './files.ts'
import { tryMistakes } from './mistakes.ts'
import { findPromtool } from './promtool.ts'
import { makeDashboards } from './write.ts'

const program = findPromtool(process.env.PROMTOOL)
const work = mkdtempSync(join(tmpdir(), 'hushryd-telemetry-'))

function promtool(args: readonly string[]): void {
  execFileSync(program, args, { cwd: join(ROOT, FOLDER), stdio: 'inherit' })
}

/** As a file of rules, which is what promtool checks the language of. */
async function writePanels(): Promise<string> {
  const dashboards = await makeDashboards()
  const groups = dashboards.map(({ uid, expressions }) => ({
    name: uid,
    rules: expressions.map(({ where, text }, index) => ({
      record: `panel:${index}`,
      labels: { panel: where },
      expr: text.replaceAll('$__rate_interval', '5m'),
    })),
  }))
  const path = join(work, 'panels.yaml')
  writeFileSync(path, stringify({ groups }))
  return path
}

try {
  promtool(['check', 'rules', ...listFiles('rules'), await writePanels()])
  promtool(['test', 'rules', ...listFiles('tests')])
  promtool(['check', 'config', '--syntax-only', 'prometheus.yaml'])
  const missed = await tryMistakes(program, (line) => process.stdout.write(`${line}\n`))
  if (missed > 0) process.exitCode = 1
} catch (error) {
  // promtool has said what is wrong; what else it is, nobody has.
  if (!(error instanceof Error && 'status' in error)) throw error
  process.exitCode = 1
} finally {
  rmSync(work, { recursive: true, force: true })
}
