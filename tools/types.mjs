/** Checks the types of every workspace; pages and the SDK have settings of their own, for browsers. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const PROJECTS = ['.', 'sdk', 'live', 'admin']

for (const project of PROJECTS.filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))) {
  const run = spawnSync(process.execPath, [tsc, '--noEmit', '--project', project], {
    cwd: root,
    stdio: 'inherit',
  })
  if (run.status !== 0) process.exitCode = 1
}
