/**
 * Runs a set of processes: each starts when those that it depends on answer,
 * starts again when it crashes, and stops after those that depend on it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeExit, type Exit, type ProcessSpec, RunningProcess } from './child.ts'

export interface SupervisorOptions {
  /** Every line of output. */
  readonly onLine: (spec: ProcessSpec, line: string) => void
  /** What the supervisor itself has to say about a process. */
  readonly onEvent: (event: SupervisorEvent) => void
  /** Whether a process that ends by itself is started again. */
  readonly restart: boolean
}

export type SupervisorEvent =
  | { readonly type: 'starting' | 'stopped'; readonly name: string }
  | { readonly type: 'ready'; readonly name: string; readonly pid: number; readonly tookMs: number }
  | {
      readonly type: 'crashed'
      readonly name: string
      readonly exit: string
      readonly restartInMs: number | undefined
    }

export type ProcessState = 'waiting' | 'starting' | 'ready' | 'restarting' | 'stopped'

const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 10_000
/** After running this long, the next crash counts as the first. */
const STEADY_MS = 30_000

/** A name in this set that is running. */
export class SupervisedProcess {
  readonly spec: ProcessSpec
  state: ProcessState = 'waiting'
  restarts = 0
  readonly #options: SupervisorOptions
  readonly #stopping = new AbortController()
  #running: RunningProcess | undefined
  #watch: Promise<void> = Promise.resolve()
  /** Set while a test holds it down, so that a crash is not answered by a restart. */
  #isHeld = false

  constructor(spec: ProcessSpec, options: SupervisorOptions) {
    this.spec = spec
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#running?.exit === undefined ? this.#running?.pid : undefined
  }

  /** Resolves when it answers for the first time; rejects, with the last of its output, when it does not come up. */
  async start(): Promise<void> {
    this.#stopping.signal.throwIfAborted()
    this.#isHeld = false
    const running = await this.#launch()
    this.#watch = this.#watchOver(running)
  }

  async #launch(): Promise<RunningProcess> {
    this.state = 'starting'
    this.#options.onEvent({ type: 'starting', name: this.spec.name })
    const startedAt = Date.now()
    const running = new RunningProcess(this.spec, (line) => this.#options.onLine(this.spec, line))
    this.#running = running
    try {
      await running.ready(this.#stopping.signal)
    } catch (error) {
      await running.kill()
      throw error
    }
    this.state = 'ready'
    this.#options.onEvent({
      type: 'ready',
      name: this.spec.name,
      pid: running.pid,
      tookMs: Date.now() - startedAt,
    })
    return running
  }

  async #watchOver(first: RunningProcess): Promise<void> {
    let running: RunningProcess | undefined = first
    let backoffMs = BACKOFF_FIRST_MS
    let startedAt = Date.now()
    while (!this.#stopping.signal.aborted) {
      const exit: Exit | undefined = await running?.exited
      if (this.#stopping.signal.aborted || this.#isHeld) break
      if (Date.now() - startedAt > STEADY_MS) backoffMs = BACKOFF_FIRST_MS
      const restartInMs = this.#options.restart ? backoffMs : undefined
      const why = exit === undefined ? 'did not come up' : describeExit(exit)
      this.#options.onEvent({ type: 'crashed', name: this.spec.name, exit: why, restartInMs })
      if (restartInMs === undefined) break
      this.state = 'restarting'
      this.restarts += 1
      await sleep(restartInMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      if (this.#stopping.signal.aborted || this.#isHeld) break
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)
      startedAt = Date.now()
      // A failed restart is one more crash: reported by the next turn of this loop.
      running = await this.#launch().catch(() => undefined)
    }
    this.state = 'stopped'
  }

  signal(signal: NodeJS.Signals): void {
    this.#running?.signal(signal)
  }

  /** Ends it and keeps it down until `restart`. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#isHeld = true
    await this.#running?.kill(signal)
    await this.#watch
  }

  /** Ends it where it still runs, and starts it again. */
  async restart(): Promise<void> {
    this.#isHeld = true
    await this.#running?.stop()
    await this.#watch
    await this.start()
  }

  async stop(graceMs?: number): Promise<void> {
    this.#stopping.abort()
    await this.#running?.stop(graceMs)
    await this.#watch
    this.state = 'stopped'
    this.#options.onEvent({ type: 'stopped', name: this.spec.name })
  }
}

export class Supervisor implements AsyncDisposable {
  readonly processes: readonly SupervisedProcess[]

  constructor(specs: readonly ProcessSpec[], options: SupervisorOptions) {
    const names = new Set(specs.map((spec) => spec.name))
    if (names.size !== specs.length) throw new Error('two processes have one name')
    for (const [index, spec] of specs.entries()) {
      const earlier = new Set(specs.slice(0, index).map((other) => other.name))
      for (const name of spec.dependsOn ?? []) {
        // Listing them in order rules out circles.
        if (!earlier.has(name))
          throw new Error(`${spec.name} depends on ${name}, which has to be listed before it`)
      }
    }
    this.processes = specs.map((spec) => new SupervisedProcess(spec, options))
  }

  process(name: string): SupervisedProcess {
    const found = this.processes.find((process) => process.spec.name === name)
    if (found === undefined) {
      throw new Error(
        `no process ${name}; there are ${this.processes.map((process) => process.spec.name).join(', ')}`,
      )
    }
    return found
  }

  /** Starts all; rejects with the first failure, by which time what had started is stopped. */
  async start(): Promise<void> {
    const started = new Map<SupervisedProcess, Promise<void>>()
    for (const process of this.processes) {
      const needed = (process.spec.dependsOn ?? []).map((name) => started.get(this.process(name)))
      started.set(
        process,
        Promise.all(needed).then(() => process.start()),
      )
    }
    try {
      await Promise.all(started.values())
    } catch (error) {
      await this.stop()
      await Promise.allSettled(started.values())
      throw error
    }
  }

  /** Stops each after those that depend on it. */
  async stop(graceMs?: number): Promise<void> {
    const stopped = new Map<SupervisedProcess, Promise<void>>()
    for (const process of this.processes.toReversed()) {
      const dependents = this.processes.filter((other) => other.spec.dependsOn?.includes(process.spec.name))
      stopped.set(
        process,
        Promise.all(dependents.map((dependent) => stopped.get(dependent))).then(() => process.stop(graceMs)),
      )
    }
    await Promise.all(stopped.values())
  }

  /** Ends all at once. */
  killAll(): void {
    for (const process of this.processes) process.signal('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
