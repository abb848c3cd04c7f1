/**
 * One WebSocket that comes back by itself: jittered retries, `goAway`, pings,
 * and a watch for connections that died without a word.
 *
 * What the socket is for is the owner's business: it says how to get in
 * (`admit`) and is told of each new connection and each frame.
 */
import { isFinalClose, retryDelayMs } from './backoff.ts'
import { type ClientFrame, PROTOCOL, readFrame, type ServerFrame } from './frames.ts'

/** Whether and where to connect; asked before every attempt. */
export type Admission =
  | { readonly kind: 'enter'; readonly url: string }
  | { readonly kind: 'later'; readonly retryAfterMs: number }
  | { readonly kind: 'refused'; readonly message: string }

export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live'; readonly edgeId: string }
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'stopped'; readonly message: string }

export type Welcome = NonNullable<ServerFrame['welcome']>

/** What the link uses of a WebSocket. */
export interface Socket {
  readonly readyState: number
  send(text: string): void
  close(code?: number): void
}

export interface SocketEvents {
  readonly onMessage: (data: unknown) => void
  readonly onClose: (code: number, reason: string) => void
}

function openWebSocket(url: string, { onMessage, onClose }: SocketEvents): Socket {
  const socket = new WebSocket(url, PROTOCOL)
  socket.onmessage = ({ data }) => onMessage(data)
  socket.onclose = ({ code, reason }) => onClose(code, reason)
  return socket
}

export interface LinkOptions {
  /** Whether `admit` gets new credentials each time: then the end of the old ones is no end. */
  readonly renews?: boolean
  /** A rejection counts as a failed attempt. `wasRefused`: the last attempt ended before its welcome. */
  readonly admit: (wasRefused: boolean) => Promise<Admission>
  readonly onWelcome: (welcome: Welcome) => void
  readonly onFrame: (frame: ServerFrame) => void
  readonly onState: (state: LinkState) => void
  readonly openSocket?: (url: string, events: SocketEvents) => Socket
  readonly random?: () => number
}

/** New credentials that end sooner than this are of no use: the server does not want this page. */
const RENEWAL_MIN_MS = 60_000
/** Without any frame for this many heartbeats the connection is taken for dead. */
const SILENT_HEARTBEATS = 2
/** Longest time from the attempt to `welcome`. */
const WELCOME_TIMEOUT_MS = 15_000
const NORMAL_CLOSE = 1000
const OPEN = 1

/** What those who use a link need of it. */
export type Outlet = Pick<Link, 'send' | 'stop'>

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

export class Link {
  readonly #options: LinkOptions
  #socket: Socket | undefined
  #attempt = 0
  #wasRefused = false
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setInterval> | undefined
  #heardMs = 0
  #welcomedMs = Number.POSITIVE_INFINITY
  #isStopped = false

  constructor(options: LinkOptions) {
    this.#options = options
  }

  start(): void {
    void this.#connect()
  }

  /** False while there is no connection: the frame was not sent. */
  send(frame: ClientFrame): boolean {
    if (this.#socket?.readyState !== OPEN) return false
    this.#socket.send(JSON.stringify(frame))
    return true
  }

  /** Ends a wait at once, for when the device says that it is online again. */
  hurry(): void {
    if (this.#retryTimer === undefined) return
    clearTimeout(this.#retryTimer)
    void this.#connect()
  }

  /** For good. */
  stop(message: string): void {
    if (this.#isStopped) return
    this.#isStopped = true
    clearTimeout(this.#retryTimer)
    this.#drop()
    this.#options.onState({ kind: 'stopped', message })
  }

  async #connect(): Promise<void> {
    this.#retryTimer = undefined
    this.#options.onState({ kind: 'connecting' })
    const admission = await this.#options
      .admit(this.#wasRefused)
      .catch((): Admission => ({ kind: 'later', retryAfterMs: 0 }))
    if (this.#isStopped) return
    if (admission.kind === 'refused') this.stop(admission.message)
    else if (admission.kind === 'later') this.#retry(admission.retryAfterMs)
    else this.#open(admission.url)
  }

  #open(url: string): void {
    this.#wasRefused = true
    this.#welcomedMs = Number.POSITIVE_INFINITY
    this.#keepWatch(WELCOME_TIMEOUT_MS)
    const socket = (this.#options.openSocket ?? openWebSocket)(url, {
      onMessage: (data) => {
        if (socket !== this.#socket) return
        this.#heardMs = Date.now()
        const frame = readFrame(data)
        if (frame !== undefined) this.#receive(frame)
      },
      onClose: (code, reason) => {
        if (socket !== this.#socket) return
        this.#drop()
        if (isFinalClose(code) && !this.#canRenew)
          this.stop(sentence(reason || `the server closed this connection (${code})`))
        else this.#retry(0)
      },
    })
    this.#socket = socket
  }

  get #canRenew(): boolean {
    return this.#options.renews === true && Date.now() - this.#welcomedMs >= RENEWAL_MIN_MS
  }

  #receive(frame: ServerFrame): void {
    if (frame.welcome !== undefined) {
      this.#attempt = 0
      this.#wasRefused = false
      this.#welcomedMs = Date.now()
      this.#keepWatch(frame.welcome.heartbeatMs)
      this.#options.onState({ kind: 'live', edgeId: frame.welcome.edgeId })
      this.#options.onWelcome(frame.welcome)
    }
    this.#options.onFrame(frame)
    if (frame.goAway !== undefined && !this.#isStopped) {
      this.#drop()
      this.#wait(frame.goAway.reconnectAfterMs)
    }
  }

  /** Pings once a heartbeat, and gives the connection up after two without an answer. */
  #keepWatch(heartbeatMs: number): void {
    clearInterval(this.#watch)
    this.#heardMs = Date.now()
    this.#watch = setInterval(() => {
      if (Date.now() - this.#heardMs < heartbeatMs * SILENT_HEARTBEATS) {
        this.send({ ping: {} })
        return
      }
      this.#drop()
      this.#retry(0)
    }, heartbeatMs)
  }

  /** What the old socket still has to say is of no interest any more. */
  #drop(): void {
    clearInterval(this.#watch)
    this.#socket?.close(NORMAL_CLOSE)
    this.#socket = undefined
  }

  #retry(atLeastMs: number): void {
    if (this.#isStopped) return
    const delayMs = retryDelayMs(this.#attempt, this.#options.random ?? Math.random)
    this.#attempt += 1
    this.#wait(atLeastMs + delayMs)
  }

  #wait(delayMs: number): void {
    this.#options.onState({ kind: 'waiting', untilMs: Date.now() + delayMs })
    this.#retryTimer = setTimeout(() => void this.#connect(), delayMs)
  }
}
