/**
 * `npm run verify:mesh`: fetches and builds what the checks need, and runs them.
 * What is given on the command line goes to the test runner: a name of a check.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { envoyBinary, istioTools, needGo, say, schemaFolders, ToolProblem } from './toolchain.ts'

const CONFIG = fileURLToPath(new URL('vitest.config.ts', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

try {
  const startMs = Date.now()
  await needGo()
  await envoyBinary()
  await schemaFolders()
  await istioTools()
  say(`what the checks need is there after ${Math.round((Date.now() - startMs) / 1000)} s`)
} catch (error) {
  if (!(error instanceof ToolProblem)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

const { status } = spawnSync(
  process.execPath,
  [VITEST, 'run', '--config', CONFIG, ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
