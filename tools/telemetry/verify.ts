/**
 * `npm run verify:telemetry`: the rules as Prometheus itself reads them, and
 * what they do with made-up series. Everything else about them is in the tests.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../sources.ts'
import { FOLDER, listFiles } from './files.ts'
import { findPromtool } from './promtool.ts'

const program = findPromtool(process.env.PROMTOOL)

try {
  for (const [what, folder] of [
    ['check', 'rules'],
    ['test', 'tests'],
  ] as const) {
    execFileSync(program, [what, 'rules', ...listFiles(folder)], {
      cwd: join(ROOT, FOLDER),
      stdio: 'inherit',
    })
  }
  execFileSync(program, ['check', 'config', '--syntax-only', 'prometheus.yaml'], {
    cwd: join(ROOT, FOLDER),
    stdio: 'inherit',
  })
} catch {
  // promtool has said what is wrong.
  process.exit(1)
}
