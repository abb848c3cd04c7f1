/**
 * Unpacks Debian's programs that the project needs into a private folder and
 * prints that folder's path; progress goes to stderr. Nothing of the system is
 * changed, so it runs as root and as an ordinary user. The argument names the
 * set: `servers` for the local stack, `browser` for the tests of pages.
 *
 * An empty dpkg status makes apt fetch the whole closure, libc included, so
 * the programs run with the folder's own loader and need nothing of the host
 * but apt-get, dpkg-deb and Debian's keyring. It is plain JavaScript because
 * the bootstrap runs it on the machine's own Node, beside `npm ci`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { aptOptions, findMirror, inLanes, readPackages, shareOut } from './apt.mjs'
import { prepareBrowser } from './prepare-browser.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** How long another process may take to install before its lock counts as stuck. */
const LOCK_WAIT_MS = 10 * 60_000

const { suite, ...sets } = JSON.parse(readFileSync(new URL('sysroot-packages.json', import.meta.url), 'utf8'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const setName = process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? 'servers'
/** `spaceMb`: package lists, packages and the unpacked files together, about twice what was seen. */
const { folder: setFolder, title, spaceMb, packages, without = [], programs } = sets[setName]
const SYSROOTS = join(ROOT, '.stack', setFolder)
const LOCK = join(SYSROOTS, 'lock')
const startedAt = Date.now()
/** Downloads at once: a mirror gives one connection only so much. */
const LANES = 3
const UNPACK_LANES = 2
/** The list of all packages that are needed fits twice. */
const OUTPUT_CHARS = 100_000

/** A problem that the reader can do something about: printed without a stack. */
class InstallProblem extends Error {}

function say(text) {
  process.stderr.write(`[${setName} ${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${text}\n`)
}

/** What to do where Debian's packages cannot be had. */
const INSTEAD = {
  servers: `Use servers of your own instead:
    docker compose up --wait
    and npm start with the settings at the top of compose.yaml.`,
  browser: `Use a Chromium or Chrome of your own instead:
    CHROMIUM_PATH=/usr/bin/chromium npm test`,
}[setName]

function missingPrograms(folder) {
  return programs.filter((program) => !existsSync(join(folder, program)))
}

/** The folder named by HUSHRYD_SYSROOT, for machines that hold many clones. */
function givenSysroot(setting) {
  for (const folder of [resolve(setting), join(resolve(setting), 'root')]) {
    if (missingPrograms(folder).length === 0) return folder
  }
  throw new InstallProblem(
    `HUSHRYD_SYSROOT=${setting} holds no ${missingPrograms(resolve(setting)).join(', ')}: name a folder made by this script, or unset it.`,
  )
}

function requireApt() {
  try {
    execFileSync('apt-get', ['--version'], { stdio: 'ignore' })
    execFileSync('dpkg-deb', ['--version'], { stdio: 'ignore' })
  } catch {
    throw new InstallProblem(`This machine has no apt-get, from which ${title} would come.\n${INSTEAD}`)
  }
  if (!existsSync(KEYRING)) {
    throw new InstallProblem(
      `Debian's keyring ${KEYRING} is missing, so that its packages could not be verified.\nInstall it (sudo apt-get install debian-archive-keyring), or:\n${INSTEAD}`,
    )
  }
}

function requireSpace() {
  const { bavail, bsize } = statfsSync(SYSROOTS)
  const freeMb = Math.round((bavail * bsize) / 1_048_576)
  if (freeMb < spaceMb) {
    throw new InstallProblem(`${SYSROOTS} has ${freeMb} MB free; ${title} needs ${spaceMb} MB to install.`)
  }
}

function folderBytes(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, entry) => sum + (statSync(join(folder, entry.name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
}

/** Says how far the work is, every few seconds. */
async function withProgress(progress, work) {
  const timer = setInterval(() => say(progress()), 3000)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

/** Runs a program quietly, answers its output, and turns its known failures into words. */
async function run(command, args, cwd) {
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  })
  let output = ''
  const collect = (chunk) => {
    output = (output + chunk).slice(-OUTPUT_CHARS)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const code = await new Promise((done, fail) => child.on('error', fail).on('close', done))
  if (code === 0) return output
  if (/No space left on device|not enough free space/i.test(output))
    throw new InstallProblem(`The disk is full: ${command} could not write to ${SYSROOTS}.`)
  if (/NO_PUBKEY|is not signed|signatures couldn't be verified/i.test(output)) {
    throw new InstallProblem(
      `This machine's Debian keyring does not know ${suite}'s key: sudo apt-get install --only-upgrade debian-archive-keyring, or:\n${INSTEAD}`,
    )
  }
  throw new Error(output.trim().split('\n').slice(-6).join('\n') || `${command} ended with ${code}`)
}

async function download(work, mirror) {
  rmSync(work, { recursive: true, force: true })
  for (const folder of ['lists/partial', 'cache/archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true })
  writeFileSync(
    join(work, 's.sources'),
    `Types: deb\nURIs: ${mirror}\nSuites: ${suite}\nComponents: main\nSigned-By: ${KEYRING}\n`,
  )
  const archives = join(work, 'cache', 'archives')
  const fetched = () =>
    `still downloading: ${((folderBytes(archives) + folderBytes(join(archives, 'partial')) + folderBytes(join(work, 'lists')) + folderBytes(join(work, 'lists', 'partial'))) / 1e6).toFixed(0)} MB so far`
  const apt = (...args) => run('apt-get', [...aptOptions(work), ...args], archives)
  await withProgress(fetched, async () => {
    say(`reading Debian ${suite}'s package list from ${mirror}`)
    await apt('update')
    const wanted = readPackages(await apt('-y', '-d', '--print-uris', 'install', ...packages), without)
    const megabytes = wanted.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
    say(`downloading ${packages.join(', ')} and what they need, ${megabytes.toFixed(0)} MB`)
    await inLanes(shareOut(wanted, LANES), (names) => apt('download', ...names))
  })
  const debs = readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => ({ name, bytes: statSync(join(archives, name)).size }))
  let unpacked = 0
  say(`unpacking ${debs.length} packages`)
  await withProgress(
    () => `unpacked ${unpacked} of ${debs.length}`,
    () =>
      inLanes(shareOut(debs, UNPACK_LANES), async (names) => {
        for (const name of names) {
          await run('dpkg-deb', ['-x', name, join(work, 'root')], archives)
          unpacked += 1
        }
      }),
  )
  for (const folder of ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/perl5'])
    rmSync(join(work, 'root', folder), { recursive: true, force: true })
}

/** Programs that are missing after a clean install mean that the package list and the program list disagree. */
async function install(target) {
  requireApt()
  requireSpace()
  const mirror = findMirror()
  const work = `${target}.work-${process.pid}`
  const cleanUp = () => rmSync(work, { recursive: true, force: true })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      cleanUp()
      releaseLock()
      process.exit(130)
    })
  }
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await download(work, mirror)
        break
      } catch (error) {
        if (error instanceof InstallProblem) throw error
        if (attempt === 2) {
          throw new InstallProblem(
            `${title} could not be downloaded from ${mirror}:\n${error.message}\nIs the network there? Nothing was left half-done; run the command again to try again.\n${INSTEAD}`,
          )
        }
        say(`that failed (${error.message.split('\n').at(-1)}); trying once more`)
      }
    }
    const missing = missingPrograms(join(work, 'root'))
    if (missing.length > 0) throw new Error(`the packages brought no ${missing.join(', ')}`)
    if (setName === 'browser') prepareBrowser(join(work, 'root'), target)
    renameSync(join(work, 'root'), target)
  } finally {
    cleanUp()
  }
  // What is left is of older package lists, or of installers that were killed: only the lock's holder writes here.
  for (const name of readdirSync(SYSROOTS)) {
    if (join(SYSROOTS, name) !== target && join(SYSROOTS, name) !== LOCK)
      rmSync(join(SYSROOTS, name), { recursive: true, force: true })
  }
  say(`${title}: installed`)
}

function releaseLock() {
  rmSync(LOCK, { recursive: true, force: true })
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Takes the lock, or answers false where another process installed meanwhile. mkdir is atomic; the owner's pid inside tells a dead owner's from a live one's. */
async function takeLock(target) {
  let told = false
  while (Date.now() - startedAt < LOCK_WAIT_MS) {
    try {
      mkdirSync(LOCK)
      writeFileSync(join(LOCK, 'pid'), String(process.pid))
      return true
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const age = Date.now() - (statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    let owner = 0
    try {
      owner = Number(readFileSync(join(LOCK, 'pid'), 'utf8'))
    } catch {
      // The owner is between mkdir and writing its pid, or just went.
    }
    if ((owner > 0 && !isAlive(owner)) || (owner === 0 && age > 5000)) {
      releaseLock()
      continue
    }
    if (!told) say(`another process (${owner}) is installing ${title}: waiting for it`)
    told = true
    await sleep(300)
    if (existsSync(target)) return false
  }
  throw new InstallProblem(
    `Another process has been installing ${title} for too long. If it is gone, delete ${LOCK}.`,
  )
}

/** Whether any server of the local stack comes from the sysroot, given the servers that the settings name. */
function isNeeded() {
  const { NATS_URL, REDIS_URL, MONGO_URL, S3_ENDPOINT, CLAMD_URL } = process.env
  if (!NATS_URL || !REDIS_URL || !S3_ENDPOINT || !CLAMD_URL) return true
  if (MONGO_URL || process.platform !== 'linux') return false
  // The MongoDB engine runs without it only on glibc 2.38 and later.
  const [major, minor] = (process.report.getReport().header.glibcVersionRuntime ?? '0.0')
    .split('.')
    .map(Number)
  return major < 2 || (major === 2 && minor < 38)
}

async function main() {
  if (setName === 'servers' && process.env.HUSHRYD_SYSROOT) return givenSysroot(process.env.HUSHRYD_SYSROOT)
  const id = createHash('sha256')
    // A prepared browser knows where it lies: in a folder that was moved it is another one.
    .update(
      JSON.stringify([
        suite,
        packages,
        process.arch,
        ...without,
        ...(setName === 'browser' ? [SYSROOTS] : []),
      ]),
    )
    .digest('hex')
    .slice(0, 12)
  const target = join(SYSROOTS, id)
  if (existsSync(target)) return target
  mkdirSync(SYSROOTS, { recursive: true })
  if (!(await takeLock(target))) return target
  try {
    if (!existsSync(target)) await install(target)
  } finally {
    releaseLock()
  }
  return target
}

try {
  if (!flags.includes('--if-needed') || isNeeded()) {
    const folder = await main()
    if (!flags.includes('--quiet')) process.stdout.write(`${folder}\n`)
  }
} catch (error) {
  process.stderr.write(`${error instanceof InstallProblem ? error.message : error.stack}\n`)
  process.exitCode = 1
}
