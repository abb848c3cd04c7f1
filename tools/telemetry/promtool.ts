/**
 * Prometheus's own checker: the one that PROMTOOL names, the machine's, or
 * Debian's, unpacked into the project's ignored folder.
 */
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../sources.ts'

const FOLDER = join(ROOT, '.stack', 'telemetry')
const PROGRAM = join(FOLDER, 'promtool')

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Out of Debian's package for this machine, without installing it. */
function unpack(): void {
  const work = join(FOLDER, `work-${process.pid}`)
  try {
    mkdirSync(work, { recursive: true })
    const quiet: ExecFileSyncOptions = { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] }
    execFileSync('apt-get', ['download', '-qq', 'prometheus'], quiet)
    const deb = readdirSync(work).find((name) => name.endsWith('.deb'))
    if (deb === undefined) throw new Error('apt-get downloaded no package')
    execFileSync('dpkg-deb', ['-x', deb, 'root'], quiet)
    renameSync(join(work, 'root', 'usr', 'bin', 'promtool'), PROGRAM)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Throws with what to do where there is none. */
export function findPromtool(given: string | undefined): string {
  if (given !== undefined && given !== '') {
    if (isThere(given)) return given
    throw new Error(`PROMTOOL=${given} cannot be run.`)
  }
  if (isThere('promtool')) return 'promtool'
  if (existsSync(PROGRAM)) return PROGRAM
  try {
    unpack()
  } catch (error) {
    throw new Error(
      'There is no promtool: install Prometheus, or name one by PROMTOOL=/path/to/promtool. (Debian’s package could not be had; `apt-get update` may help.)',
      { cause: error },
    )
  }
  return PROGRAM
}
