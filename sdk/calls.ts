/** Calls of methods: over the socket, or over REST while there is none. */
import type { CallOptions } from './call-options.ts'
import { asHushrydError, unavailable } from './error.ts'
import type { Message } from './message-codec.ts'
import { type Method, routeAnswer, routeRequest } from './method.ts'
import type { OpenWait } from './open-wait.ts'
import type { Rest } from './rest.ts'
import type { Runtime } from './runtime.ts'
import type { SocketCalls } from './socket-calls.ts'
import { messageStream } from './stream.ts'

const TIMEOUT_MS = 10_000

export interface CallsOptions {
  readonly runtime: Runtime
  readonly endpoints: readonly string[]
  readonly rest: Rest
  readonly socketCalls: SocketCalls
  readonly openWait: OpenWait
}

export class Calls {
  readonly #options: CallsOptions
  #endpoint = 0

  constructor(options: CallsOptions) {
    this.#options = options
  }

  /**
   * Over the socket where it is open, else over REST where the method has a
   * route, else over the next socket. Not repeated here, as who calls knows
   * whether it may be; only what REST itself calls safe asks the next edge.
   */
  async unary(method: Method, request: Message, options: CallOptions = {}): Promise<unknown> {
    const { runtime, openWait } = this.#options
    if (openWait.isOpen) return this.overSocket(method, request, options)
    const { timeoutMs = TIMEOUT_MS } = options
    const endMs = runtime.nowMs() + timeoutMs
    const inTime = (): CallOptions => ({ ...options, timeoutMs: Math.max(1, endMs - runtime.nowMs()) })
    if (method.route !== undefined) return this.#overSomeRest(method, request, inTime)
    await openWait.untilOpen(options)
    return this.overSocket(method, request, inTime())
  }

  async #overSomeRest(method: Method, request: Message, inTime: () => CallOptions): Promise<unknown> {
    const { endpoints } = this.#options
    const triesMax = method.route?.verb === 'GET' ? endpoints.length : 1
    for (let tries = 1; ; tries += 1) {
      const endpoint = endpoints[this.#endpoint % endpoints.length] ?? ''
      try {
        return await this.overRest(method, request, inTime(), endpoint)
      } catch (error) {
        const { code } = asHushrydError(error)
        // Also for the next call, which finds another edge.
        if (code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') this.#endpoint += 1
        if (code !== 'UNAVAILABLE' || tries === triesMax) throw error
      }
    }
  }

  overSocket(method: Method, request: Message, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sink = { message: resolve, end: () => resolve(undefined), fail: reject }
      const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
      this.#options.socketCalls.run(method, request, { ...options, timeoutMs }, sink)
    })
  }

  async overRest(method: Method, request: Message, options: CallOptions, endpoint: string): Promise<unknown> {
    const { route } = method
    if (route === undefined) throw unavailable(`${method.path} needs a connection.`)
    const { timeoutMs = TIMEOUT_MS, signal } = options
    const answer = await this.#options.rest(endpoint, { ...routeRequest(route, request), timeoutMs, signal })
    return routeAnswer(route, answer)
  }

  stream(method: Method, request: Message, options: CallOptions = {}): AsyncIterable<unknown> {
    const { openWait, socketCalls } = this.#options
    return messageStream((sink) => {
      let isCancelled = false
      let cancelRunning: (() => void) | undefined
      openWait.untilOpen({ signal: options.signal }).then(() => {
        if (!isCancelled) cancelRunning = socketCalls.run(method, request, options, sink)
      }, sink.fail)
      return () => {
        isCancelled = true
        cancelRunning?.()
      }
    })
  }
}
