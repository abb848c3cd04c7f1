/**
 * Starts processes that never outlive their starter.
 *
 * One watchdog a process, started at the first use. Children lead process
 * groups of their own: a Ctrl-C in the terminal reaches only the starter,
 * which then stops them in order.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface GuardedCommand {
  readonly command: readonly [string, ...string[]]
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly cwd?: string | undefined
}

interface Watchdog {
  readonly child: ChildProcess
  tell(line: string): void
}

const guarded = new Set<number>()
let watchdog: Watchdog | undefined

/** The pid of this process's watchdog, which is started if it is not there yet. */
export function watchdogPid(): number | undefined {
  watchdog ??= startWatchdog()
  return watchdog.child.pid
}

function startWatchdog(): Watchdog {
  const script = fileURLToPath(new URL('watchdog.ts', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const input = child.stdin
  // A write to a watchdog that was just killed fails here; the exit handler below starts another.
  input.on('error', () => undefined)
  child.unref()
  if ('unref' in input && typeof input.unref === 'function') input.unref()
  const started: Watchdog = { child, tell: (line) => void input.write(`${line}\n`) }
  child.once('exit', () => {
    if (watchdog !== started) return
    watchdog = undefined
    if (guarded.size > 0) watchdog = startWatchdog()
  })
  for (const pid of guarded) started.tell(`add ${pid}`)
  return started
}

/**
 * Standard input is a pipe that is never written: its end tells a child that
 * reads it that the starter is gone, sooner than the watchdog does.
 *
 * The child's pid is undefined, and 'error' follows, where the program cannot be run.
 */
export function spawnGuarded({ command: [program, ...args], env, cwd }: GuardedCommand): ChildProcess {
  watchdog ??= startWatchdog()
  const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const { pid } = child
  if (pid === undefined) return child
  guarded.add(pid)
  watchdog.tell(`add ${pid}`)
  child.once('exit', () => {
    guarded.delete(pid)
    watchdog?.tell(`del ${pid}`)
  })
  return child
}

/** Signals the child and whatever it started itself. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch (error) {
    // ESRCH: it has just ended, which is what the signal is for.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
