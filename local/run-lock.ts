/** One `npm start` a folder. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface Holder {
  readonly pid: number
  readonly watchdogPid: number | undefined
}

/** The last run's watchdog gives its processes 5 s. */
const LAST_RUN_WAIT_MS = 15_000
const POLL_MS = 100

export class AlreadyRunning extends Error {}

/** Whether the pid is still the program that wrote it down: numbers are used again. */
function isRunning(pid: number, script: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  if (process.platform !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(script)
  } catch {
    return false
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch {
    // Not there, or cut off by a full disk or a crash: nobody's.
    return undefined
  }
}

export class RunLock implements Disposable {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Takes the lock; waits for the processes of a run that was killed to end, since they hold the data. */
  static async take(path: string, watchdogPid: number | undefined, onWait: () => void): Promise<RunLock> {
    mkdirSync(dirname(path), { recursive: true })
    for (;;) {
      try {
        writeFileSync(path, JSON.stringify({ pid: process.pid, watchdogPid } satisfies Holder), {
          flag: 'wx',
        })
        return new RunLock(path)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      }
      const holder = readHolder(path)
      if (holder !== undefined && isRunning(holder.pid, 'start.ts')) {
        throw new AlreadyRunning(`npm start is already running in this folder (process ${holder.pid}).`)
      }
      await waitForWatchdog(holder?.watchdogPid, onWait)
      rmSync(path, { force: true })
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { force: true })
  }
}

async function waitForWatchdog(pid: number | undefined, onWait: () => void): Promise<void> {
  if (pid === undefined || !isRunning(pid, 'watchdog.ts')) return
  onWait()
  const deadline = Date.now() + LAST_RUN_WAIT_MS
  while (isRunning(pid, 'watchdog.ts') && Date.now() < deadline) await sleep(POLL_MS)
}
