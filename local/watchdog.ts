/**
 * Ends processes whose starter is gone.
 *
 * Its standard input is a pipe that the starter holds: the kernel closes it
 * however the starter ends, kill -9 included. Lines on it say what is running
 * (`add PID`) and what has ended (`del PID`). At the end of the input whatever
 * is left gets SIGTERM, and SIGKILL after a grace.
 *
 * Each PID leads a process group of its own, so that its children go with it.
 */
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const GRACE_MS = 5000
const POLL_MS = 50

const running = new Set<number>()

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
    return true
  } catch {
    return false
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, pid] = line.split(' ')
  if (verb === 'add') running.add(Number(pid))
  if (verb === 'del') running.delete(Number(pid))
}

for (const pid of running) signalGroup(pid, 'SIGTERM')
const deadline = Date.now() + GRACE_MS
while (Date.now() < deadline && [...running].some((pid) => signalGroup(pid, 0))) await sleep(POLL_MS)
for (const pid of running) signalGroup(pid, 'SIGKILL')
