/**
 * One process at a time installs packages and generates code in a folder:
 * `npm start` beside `npm test` in a fresh clone would delete each other's files.
 *
 * Plain JavaScript because the bootstrap runs on the machine's own Node.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 200

/** Whether the pid is still the program that wrote it down: numbers are used again. */
function isRunning(pid, program) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
  if (process.platform !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program)
  } catch {
    return false
  }
}

/** Renamed into place with its owner inside, so that nobody ever sees a lock without one. */
function tryTake(path) {
  const mine = `${path}.${process.pid}`
  mkdirSync(mine, { recursive: true })
  writeFileSync(join(mine, 'pid'), String(process.pid))
  try {
    renameSync(mine, path)
    return true
  } catch (error) {
    rmSync(mine, { recursive: true })
    if (['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) return false
    throw error
  }
}

/** Undefined where the lock was given back in this moment. */
function readOwner(path) {
  try {
    return Number(readFileSync(join(path, 'pid'), 'utf8'))
  } catch {
    return undefined
  }
}

/** Runs `work` when no other `program` does; `onWait` is told once whom this waits for. */
export async function withSetupLock({ path, program, onWait }, work) {
  mkdirSync(dirname(path), { recursive: true })
  let hasWaited = false
  while (!tryTake(path)) {
    const owner = readOwner(path)
    if (owner === undefined) continue
    if (!isRunning(owner, program)) {
      rmSync(path, { recursive: true, force: true })
      continue
    }
    if (!hasWaited) onWait(owner)
    hasWaited = true
    await sleep(POLL_MS)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}
