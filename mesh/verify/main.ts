/**
 * `npm run verify:mesh` and `npm run verify:grpc`: fetch and build what the
 * checks need, and run them. What else is given goes to the test runner, such
 * as the name of one check.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { envoyBinary, grpcTools, istioTools, needGo, say, schemaFolders, ToolProblem } from './toolchain.ts'

const CONFIG = fileURLToPath(new URL('vitest.config.ts', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

const PREPARATIONS = {
  mesh: async (): Promise<void> => {
    await envoyBinary()
    await schemaFolders()
    await istioTools()
  },
  grpc: async (): Promise<void> => {
    await grpcTools()
  },
} as const
const CHECKS = { mesh: ['live/', 'manifests.check'], grpc: ['grpc/'] } as const

const [suite, ...more] = process.argv.slice(2)
if (suite !== 'mesh' && suite !== 'grpc') {
  process.stderr.write('usage: node mesh/verify/main.ts mesh|grpc [the name of a check]\n')
  process.exit(2)
}

try {
  const startMs = Date.now()
  await needGo()
  await PREPARATIONS[suite]()
  say(`what the checks need is there after ${Math.round((Date.now() - startMs) / 1000)} s`)
} catch (error) {
  if (!(error instanceof ToolProblem)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

const runner = spawn(
  process.execPath,
  [VITEST, 'run', '--config', CONFIG, ...(more.length > 0 ? more : CHECKS[suite])],
  { stdio: 'inherit' },
)
// A terminal's Ctrl-C reaches the runner by itself; whoever ends this process means both.
process.on('SIGINT', () => undefined)
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => runner.kill(signal))
const [status] = (await once(runner, 'exit')) as [number | null]
process.exit(status ?? 1)
