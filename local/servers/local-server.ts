/** A store's server that tests and the stack hold: its address stays the same over kill and restart. */
import { type Exit, type ProcessSpec, RunningProcess, StartFailed } from '../child.ts'
import { freePort } from '../ports.ts'

export interface ServerSpec extends ProcessSpec {
  readonly url: string
  readonly port: number
}

export interface ServerOptions {
  /** Holds everything that the server writes; created if it is not there. */
  readonly dataDir: string
  /** Taken as it is; without it a free one is picked. */
  readonly port?: number
  readonly log?: (line: string) => void
}

/** Another process can take a picked port before the server does. */
const PORT_ATTEMPTS = 3

export class LocalServer<Spec extends ServerSpec = ServerSpec> implements AsyncDisposable {
  readonly spec: Spec
  readonly #log: (line: string) => void
  #running: RunningProcess

  private constructor(spec: Spec, running: RunningProcess, log: (line: string) => void) {
    this.spec = spec
    this.#running = running
    this.#log = log
  }

  static async start<Spec extends ServerSpec>(
    describe: (port: number) => Promise<Spec>,
    options: ServerOptions,
  ): Promise<LocalServer<Spec>> {
    const log = options.log ?? (() => undefined)
    for (let attempt = 1; ; attempt += 1) {
      const spec = await describe(options.port ?? (await freePort()))
      const running = new RunningProcess(spec, log)
      try {
        await running.ready()
        return new LocalServer(spec, running, log)
      } catch (error) {
        await running.kill()
        if (!(error instanceof StartFailed) || options.port !== undefined || attempt === PORT_ATTEMPTS)
          throw error
      }
    }
  }

  get url(): string {
    return this.spec.url
  }

  get port(): number {
    return this.spec.port
  }

  get pid(): number {
    return this.#running.pid
  }

  /** Sends the signal and waits for the end; SIGKILL unless told otherwise. */
  async kill(signal?: NodeJS.Signals): Promise<Exit> {
    return await this.#running.kill(signal)
  }

  /** Stops the process in its tracks, connections open, until `resume`. */
  pause(): void {
    this.#running.signal('SIGSTOP')
  }

  resume(): void {
    this.#running.signal('SIGCONT')
  }

  /** Starts it again on the same port and data, ending it first where it still runs. */
  async restart(): Promise<void> {
    if (this.#running.exit === undefined) await this.#running.stop()
    this.#running = new RunningProcess(this.spec, this.#log)
    await this.#running.ready()
  }

  async stop(): Promise<void> {
    if (this.#running.exit === undefined) await this.#running.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
