/**
 * Holds the contract against the one of `main`: the merge base with the
 * remote's main where there is one, else the commit before this one. A clone
 * without history (a source archive, depth 1) has nothing to compare with, and
 * says so.
 *
 * The earlier contract is written to a temporary folder: buf's own reading of
 * `.git` wants a full clone, and no worktree.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
/** What buf needs of a commit. */
const CONTRACT = ['buf.yaml', 'proto', 'third_party/proto']

function gitBytes(...args) {
  const run = spawnSync('git', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
  return run.status === 0 ? run.stdout : undefined
}

function git(...args) {
  return gitBytes(...args)
    ?.toString('utf8')
    .trim()
}

function findBase() {
  const head = git('rev-parse', '--verify', 'HEAD')
  if (head === undefined) return undefined
  for (const remote of ['origin/main', 'upstream/main']) {
    const base = git('merge-base', 'HEAD', remote)
    if (base !== undefined && base !== head) return base
  }
  return git('status', '--porcelain', '--', 'proto') ? head : git('rev-parse', '--verify', 'HEAD~1')
}

/** False where the commit has no contract, or its files are not in this clone. */
function writeContract(commit, folder) {
  const listed = git('ls-tree', '-r', '--name-only', '-z', commit, '--', ...CONTRACT)
  const paths = listed?.split('\0').filter((path) => path !== '') ?? []
  for (const path of paths) {
    const bytes = gitBytes('show', `${commit}:${path}`)
    if (bytes === undefined) return false
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  return paths.some((path) => path.endsWith('.proto'))
}

const folder = mkdtempSync(join(tmpdir(), 'hushryd-contract-'))
try {
  const base = findBase()
  if (base === undefined || !writeContract(base, folder)) {
    console.log('contract: no earlier version in this clone to compare with')
  } else {
    const buf = join(bin, process.platform === 'win32' ? 'buf.cmd' : 'buf')
    const run = spawnSync(buf, ['breaking', '--against', folder], {
      cwd: root,
      stdio: 'inherit',
      // A .cmd file is run by a shell only.
      shell: process.platform === 'win32',
      env: { ...process.env, PATH: bin + delimiter + process.env.PATH },
    })
    if (run.status === 0) console.log(`contract: nothing breaks since ${base.slice(0, 9)}`)
    process.exitCode = run.status ?? 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
