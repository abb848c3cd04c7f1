/**
 * Keeps one socket to some edge: chooses the edge, opens, comes back after a
 * loss, moves when an edge asks for it, and stops where only a new login helps.
 */
import { Backoff } from './backoff.ts'
import type { FrameCodec } from './codec.ts'
import { asHushrydError, HushrydError, unavailable } from './error.ts'
import type { ClientFrame, ServerFrame, WelcomeFrame } from './generated/types.ts'
import { LiveSocket } from './live-socket.ts'
import type { Rest } from './rest.ts'
import type { Runtime, Timer } from './runtime.ts'

const RECONNECT_FIRST_MS = 1_000
const RECONNECT_LONGEST_MS = 30_000
/** A connection that held so long was a good one: the next loss starts again with a short wait. */
const STABLE_MS = 10_000
/** From the request for a ticket to the welcome. */
const CONNECT_TIMEOUT_MS = 10_000
/** A socket that was left for another stays for answers to its calls, this long at most. */
const RETIRE_MS = 5_000
/** Close codes from here on mean that something has to change before it is worth coming back. */
const STOP_CODE_FIRST = 4500
const STOP_CODE_LAST = 4999

export type ConnectionState =
  /** `connect` was not called yet, or `close` was. */
  | 'closed'
  | 'connecting'
  | 'open'
  /** Until the next try. */
  | 'waiting'
  /** The edge wants no reconnect: the error says why. `connect` starts again. */
  | 'stopped'

export interface StateEvent {
  readonly state: ConnectionState
  /** Why it is `waiting` or `stopped`. */
  readonly error?: HushrydError
  /** While `waiting`: until the next try. */
  readonly retryInMs?: number
}

export interface ConnectionOptions {
  readonly runtime: Runtime
  readonly codec: FrameCodec
  readonly endpoints: readonly string[]
  readonly rest: Rest
  readonly onState: (event: StateEvent) => void
  /** A socket is there, the first or another one: what was sent on the one before may be lost. */
  readonly onOpen: (welcome: WelcomeFrame) => void
  /** `isCurrent` is false on a socket that was left for another. */
  readonly onFrame: (frame: ServerFrame, isCurrent: boolean) => void
  /** A socket is gone. */
  readonly onGone: (socket: LiveSocket) => void
  /** Answers are still expected on the socket. */
  readonly isInUse: (socket: LiveSocket) => boolean
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #backoff: Backoff
  #endpoint: number
  #state: ConnectionState = 'closed'
  #current: LiveSocket | undefined
  #openedAtMs = 0
  /** The next try, waiting or under way: never more than one. */
  #timer: Timer | undefined
  #attempt: Attempt | undefined
  readonly #retiring = new Map<LiveSocket, Timer>()

  constructor(options: ConnectionOptions) {
    const { runtime, endpoints } = options
    this.#options = options
    this.#backoff = new Backoff({
      firstMs: RECONNECT_FIRST_MS,
      longestMs: RECONNECT_LONGEST_MS,
      random: runtime.random,
    })
    this.#endpoint = Math.floor(runtime.random() * endpoints.length)
  }

  get state(): ConnectionState {
    return this.#state
  }

  connect(): void {
    if (this.#state !== 'closed' && this.#state !== 'stopped') return
    this.#backoff.reset()
    this.#try()
  }

  close(): void {
    this.#halt()
    this.#setState({ state: 'closed' })
  }

  /** Tries now instead of after the wait: the network is back, or the app. */
  wake(): void {
    if (this.#state !== 'waiting' || this.#timer === undefined) return
    this.#timer.cancel()
    this.#try()
  }

  /** The socket that took the frame; undefined where there is none. */
  send(frame: ClientFrame): LiveSocket | undefined {
    return this.#current?.send(frame) ? this.#current : undefined
  }

  #setState(event: StateEvent): void {
    this.#state = event.state
    this.#options.onState(event)
  }

  #tryAfter(delayMs: number): void {
    if (this.#timer !== undefined || this.#attempt !== undefined) return
    this.#timer = this.#options.runtime.setTimer(() => this.#try(), delayMs)
  }

  #try(): void {
    this.#timer = undefined
    const { endpoints, runtime } = this.#options
    const endpoint = endpoints[this.#endpoint % endpoints.length] ?? ''
    this.#endpoint += 1
    const attempt: Attempt = {
      socket: undefined,
      timer: runtime.setTimer(
        () => this.#failed(attempt, unavailable('The edge did not answer in time.')),
        CONNECT_TIMEOUT_MS,
      ),
    }
    this.#attempt = attempt
    if (this.#current === undefined) this.#setState({ state: 'connecting' })
    this.#open(attempt, endpoint).catch((error: unknown) => this.#failed(attempt, asHushrydError(error)))
  }

  async #open(attempt: Attempt, endpoint: string): Promise<void> {
    const { runtime, rest, codec } = this.#options
    const answer = await rest(endpoint, {
      verb: 'POST',
      path: '/v1/ws-tickets',
      body: {},
      timeoutMs: CONNECT_TIMEOUT_MS,
    })
    const ticket = ticketOf(answer)
    if (this.#attempt !== attempt) return
    const socket: LiveSocket = new LiveSocket({
      runtime,
      codec,
      url: `${endpoint.replace(/^http/, 'ws')}/v1/ws?ticket=${encodeURIComponent(ticket)}`,
      events: {
        onWelcome: (welcome) => this.#succeeded(attempt, socket, welcome),
        onFrame: (frame) => this.#receive(frame, socket),
        onClosed: (code) => this.#closed(attempt, socket, code),
      },
    })
    attempt.socket = socket
  }

  #succeeded(attempt: Attempt, socket: LiveSocket, welcome: WelcomeFrame): void {
    if (this.#attempt !== attempt) return
    attempt.timer.cancel()
    this.#attempt = undefined
    const left = this.#current
    this.#current = socket
    this.#openedAtMs = this.#options.runtime.nowMs()
    // From here on the old socket's positions are not looked at: the joins on the new one cover them.
    if (left !== undefined) this.#retire(left)
    this.#options.onOpen(welcome)
    if (this.#current === socket) this.#setState({ state: 'open' })
  }

  #failed(attempt: Attempt, error: HushrydError): void {
    if (this.#attempt !== attempt) return
    attempt.timer.cancel()
    attempt.socket?.close()
    this.#attempt = undefined
    if (isRefusal(error)) {
      this.#stop(error)
      return
    }
    const retryInMs = Math.max(this.#backoff.nextMs(), error.retryAfterMs)
    this.#tryAfter(retryInMs)
    if (this.#current === undefined) this.#setState({ state: 'waiting', error, retryInMs })
  }

  #receive(frame: ServerFrame, socket: LiveSocket): void {
    const isCurrent = socket === this.#current
    if (frame.goAway === undefined) this.#options.onFrame(frame, isCurrent)
    // A session that was revoked is closed with the code that says so.
    else if (isCurrent && frame.goAway.reason !== 'SESSION_REVOKED')
      this.#tryAfter(frame.goAway.reconnectAfterMs)
  }

  #closed(attempt: Attempt, socket: LiveSocket, code: number): void {
    const error = closeError(code)
    if (this.#retiring.has(socket)) {
      this.#retiring.get(socket)?.cancel()
      this.#retiring.delete(socket)
      this.#options.onGone(socket)
    } else if (socket === this.#current) this.#lost(socket, error)
    else if (this.#attempt === attempt) {
      if (isStop(code)) this.#stop(error)
      else this.#failed(attempt, error)
    }
  }

  #lost(socket: LiveSocket, error: HushrydError): void {
    this.#current = undefined
    this.#options.onGone(socket)
    if (isStop(error.closeCode)) {
      this.#stop(error)
      return
    }
    const { runtime } = this.#options
    if (runtime.nowMs() - this.#openedAtMs >= STABLE_MS) this.#backoff.reset()
    if (this.#attempt !== undefined) {
      this.#setState({ state: 'connecting' })
      return
    }
    // After a goAway the time to come back is already set.
    const retryInMs = this.#timer === undefined ? this.#backoff.nextMs() : undefined
    this.#tryAfter(retryInMs ?? 0)
    this.#setState({ state: 'waiting', error, ...(retryInMs === undefined ? {} : { retryInMs }) })
  }

  #stop(error: HushrydError): void {
    this.#halt()
    this.#setState({ state: 'stopped', error })
  }

  #retire(socket: LiveSocket): void {
    const { runtime, isInUse, onGone } = this.#options
    const leave = (): void => {
      this.#retiring.delete(socket)
      socket.close()
      onGone(socket)
    }
    if (!isInUse(socket)) leave()
    else this.#retiring.set(socket, runtime.setTimer(leave, RETIRE_MS))
  }

  #halt(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt?.timer.cancel()
    this.#attempt?.socket?.close()
    this.#attempt = undefined
    const sockets = [...this.#retiring.keys()]
    for (const timer of this.#retiring.values()) timer.cancel()
    this.#retiring.clear()
    if (this.#current !== undefined) sockets.push(this.#current)
    this.#current = undefined
    for (const socket of sockets) {
      socket.close()
      this.#options.onGone(socket)
    }
  }
}

interface Attempt {
  socket: LiveSocket | undefined
  readonly timer: Timer
}

function ticketOf(answer: unknown): string {
  const ticket =
    typeof answer === 'object' && answer !== null && 'ticket' in answer ? answer.ticket : undefined
  if (typeof ticket !== 'string') throw unavailable('The edge gave no ticket.')
  return ticket
}

/** Only an edge gives a reason: the page of a hotel's Wi-Fi that answers 403 is an outage. */
function isRefusal({ code, reason }: HushrydError): boolean {
  return reason !== '' && (code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED')
}

function isStop(code: number | undefined): boolean {
  return code !== undefined && code >= STOP_CODE_FIRST && code <= STOP_CODE_LAST
}

function closeError(code: number): HushrydError {
  return isStop(code)
    ? new HushrydError('The edge has closed the connection for good.', {
        code: 'UNAUTHENTICATED',
        closeCode: code,
      })
    : new HushrydError('The connection was lost.', { code: 'UNAVAILABLE', closeCode: code })
}
