/** Calls that run on a socket, each under its id. */
import type { CallOptions } from './call-options.ts'
import type { FrameCodec } from './codec.ts'
import { asHushrydError, HushrydError, unavailable } from './error.ts'
import type { ClientFrame, ServerFrame } from './generated/types.ts'
import type { LiveSocket } from './live-socket.ts'
import type { Message } from './message-codec.ts'
import type { Method } from './method.ts'
import type { Runtime } from './runtime.ts'
import type { Sink } from './stream.ts'

/** The edge watches the time of a call too, and its answer says more than ours. */
const ANSWER_GRACE_MS = 500

export interface SocketCallsOptions {
  readonly runtime: Runtime
  readonly codec: FrameCodec
  /** The socket that took the frame; undefined where there is none. */
  readonly send: (frame: ClientFrame) => LiveSocket | undefined
}

interface RunningCall {
  readonly socket: LiveSocket
  readonly response: string
  readonly sink: Sink
  /** Lets go of its timer and signal. */
  readonly release: () => void
}

export class SocketCalls {
  readonly #options: SocketCallsOptions
  readonly #running = new Map<string, RunningCall>()
  #lastId = 0

  constructor(options: SocketCallsOptions) {
    this.#options = options
  }

  /** Answers how to cancel it. What goes wrong goes to the sink, at once or later. */
  run(method: Method, request: Message, { timeoutMs = 0, signal }: CallOptions, sink: Sink): () => void {
    this.#lastId += 1
    const id = `c${this.#lastId}`
    const cancel = (): void => this.#giveUp(id, cancelled())
    if (signal?.aborted) {
      sink.fail(cancelled())
      return cancel
    }
    try {
      const payload = this.#options.codec.encodePayload(method.request, request)
      const socket = this.#options.send({ id, call: { method: method.path, request: payload, timeoutMs } })
      if (socket === undefined) throw unavailable('There is no connection.')
      const release = this.#watch(id, timeoutMs, signal, cancel)
      this.#running.set(id, { socket, response: method.response, sink, release })
    } catch (error) {
      sink.fail(asHushrydError(error))
    }
    return cancel
  }

  #watch(id: string, timeoutMs: number, signal: CallOptions['signal'], cancel: () => void): () => void {
    const late = new HushrydError('The edge did not answer in time.', { code: 'DEADLINE_EXCEEDED' })
    const timer =
      timeoutMs > 0
        ? this.#options.runtime.setTimer(() => this.#giveUp(id, late), timeoutMs + ANSWER_GRACE_MS)
        : undefined
    signal?.addEventListener('abort', cancel)
    return () => {
      timer?.cancel()
      signal?.removeEventListener('abort', cancel)
    }
  }

  onFrame({ id, result, next, end, error }: ServerFrame): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    const { sink, response } = running
    const { codec } = this.#options
    if (next !== undefined) {
      sink.message(codec.decodePayload(response, next))
      return
    }
    this.#end(id)
    if (result !== undefined) sink.message(codec.decodePayload(response, result))
    else if (end !== undefined) sink.end()
    else if (error !== undefined) sink.fail(new HushrydError(error.message, error))
  }

  /** Nothing more comes from this socket. */
  onGone(socket: LiveSocket): void {
    for (const [id, running] of this.#running) {
      if (running.socket !== socket) continue
      this.#end(id)
      running.sink.fail(unavailable('The connection was lost before the answer came.'))
    }
  }

  isInUse(socket: LiveSocket): boolean {
    return [...this.#running.values()].some((running) => running.socket === socket)
  }

  #giveUp(id: string, error: HushrydError): void {
    const running = this.#end(id)
    if (running === undefined) return
    running.socket.send({ id, cancel: {} })
    running.sink.fail(error)
  }

  #end(id: string): RunningCall | undefined {
    const running = this.#running.get(id)
    this.#running.delete(id)
    running?.release()
    return running
  }
}

function cancelled(): HushrydError {
  return new HushrydError('The call was cancelled.', { code: 'CANCELLED' })
}
