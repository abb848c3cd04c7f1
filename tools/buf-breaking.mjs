/**
 * Holds the contract against the one of `main`: the merge base with the
 * remote's main where there is one, else the commit before this one. A clone
 * without history (a source archive, depth 1) has nothing to compare with, and
 * says so.
 */
import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')

function git(...args) {
  const run = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  return run.status === 0 ? run.stdout.trim() : undefined
}

function findBase() {
  const head = git('rev-parse', 'HEAD')
  for (const remote of ['origin/main', 'upstream/main']) {
    const base = git('merge-base', 'HEAD', remote)
    if (base !== undefined && base !== head) return base
  }
  const dirty = git('status', '--porcelain', '--', 'proto')
  return dirty ? head : git('rev-parse', '--verify', 'HEAD~1')
}

const base = findBase()
if (base === undefined || git('cat-file', '-e', `${base}:proto`) === undefined) {
  console.log('contract: no earlier version in this clone to compare with')
  process.exit(0)
}
const run = spawnSync(join(bin, process.platform === 'win32' ? 'buf.cmd' : 'buf'), ['breaking', '--against', `.git#ref=${base}`], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: bin + delimiter + process.env.PATH },
})
if (run.status === 0) console.log(`contract: nothing breaks since ${base.slice(0, 9)}`)
process.exit(run.status ?? 1)
