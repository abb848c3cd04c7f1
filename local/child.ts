/**
 * One supervised program: start, wait until it answers, signal, stop, start again.
 */
import type { ChildProcess } from 'node:child_process'
import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalGroup, spawnGuarded } from './guard.ts'

export interface ProcessSpec {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Names of processes that have to be ready before this one starts, and end after it. */
  readonly dependsOn?: readonly string[]
  readonly ready: Readiness
  /** Priority from -20 to 19; higher gives way to the others. */
  readonly nice?: number
  /** Whether a line of output is worth the terminal; all lines go to the log file. */
  readonly isNotable?: (line: string) => boolean
  /** What the status table says about it, such as its address. */
  readonly address?: string
}

/** `answers` is polled with the pid of the child, so that it can check that no stranger is answering. */
export type Readiness =
  | { readonly line: string }
  | { readonly answers: (pid: number, signal: AbortSignal) => Promise<boolean> }

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

const READY_POLL_MS = 30
const READY_TIMEOUT_MS = 45_000
/** One probe may hang on a server that accepts and does not answer. */
const PROBE_TIMEOUT_MS = 2000
const STOP_GRACE_MS = 10_000
const TAIL_LINES = 25
const OUTPUT_END_MS = 500

export class StartFailed extends Error {}

export class RunningProcess {
  readonly spec: ProcessSpec
  readonly pid: number
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #tail: string[] = []
  readonly #readyLine = Promise.withResolvers<void>()
  #exit: Exit | undefined

  constructor(spec: ProcessSpec, onLine: (line: string) => void) {
    this.spec = spec
    this.#child = spawnGuarded({ command: spec.command, env: spec.env, cwd: spec.cwd })
    const { promise, resolve } = Promise.withResolvers<Exit>()
    this.exited = promise
    const end = (exit: Exit) => {
      this.#exit = exit
      resolve(exit)
    }
    this.#child.once('error', (error) => {
      this.#keep(error.message, onLine)
      end({ code: 127, signal: null })
    })
    // 'close' comes after the last of the output, which says why it ended. It does not come while
    // something that the child started holds the output open, hence the limit.
    this.#child.once('close', (code, signal) => end({ code, signal }))
    this.#child.once('exit', (code, signal) => setTimeout(end, OUTPUT_END_MS, { code, signal }))
    this.pid = this.#child.pid ?? 0
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => this.#keep(line, onLine))
    }
    if (spec.nice !== undefined && this.pid > 0) setPriority(this.pid, spec.nice)
  }

  get exit(): Exit | undefined {
    return this.#exit
  }

  /** The last lines that it wrote, for the message about a failed start. */
  get tail(): readonly string[] {
    return this.#tail
  }

  #keep(line: string, onLine: (line: string) => void): void {
    this.#tail.push(line)
    if (this.#tail.length > TAIL_LINES) this.#tail.shift()
    onLine(line)
    if ('line' in this.spec.ready && line.includes(this.spec.ready.line)) this.#readyLine.resolve()
  }

  /** Resolves when it answers; rejects when it ends first, takes too long or `signal` aborts. */
  async ready(signal?: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([AbortSignal.timeout(READY_TIMEOUT_MS), ...(signal ? [signal] : [])])
    const aborted = new Promise<'aborted'>((resolve) => {
      limit.addEventListener('abort', () => resolve('aborted'), { once: true })
    })
    const done =
      'line' in this.spec.ready ? this.#readyLine.promise : this.#poll(this.spec.ready.answers, limit)
    const outcome = await Promise.race([done.then(() => 'ready' as const), this.exited, aborted])
    if (outcome === 'ready') return
    signal?.throwIfAborted()
    const why =
      outcome === 'aborted'
        ? `did not answer within ${READY_TIMEOUT_MS / 1000} s`
        : `ended (${describeExit(outcome)})`
    throw new StartFailed([`${this.spec.name} ${why} before it was ready`, ...this.#tail].join('\n    '))
  }

  async #poll(
    answers: (pid: number, signal: AbortSignal) => Promise<boolean>,
    limit: AbortSignal,
  ): Promise<void> {
    while (!limit.aborted && this.#exit === undefined) {
      const probe = AbortSignal.any([limit, AbortSignal.timeout(PROBE_TIMEOUT_MS)])
      // A refused connection only means "not yet": the process's end and the time limit are watched elsewhere.
      if (await answers(this.pid, probe).catch(() => false)) return
      await sleep(READY_POLL_MS)
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined && this.pid > 0) signalGroup(this.pid, signal)
  }

  /** Signals, and waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.signal(signal)
    return await this.exited
  }

  /** SIGTERM, and SIGKILL for what is still there after the grace. */
  async stop(graceMs = STOP_GRACE_MS): Promise<Exit> {
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs)
    try {
      return await this.kill('SIGTERM')
    } finally {
      clearTimeout(timer)
    }
  }
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal
}
