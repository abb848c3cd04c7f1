/**
 * One app of the load: it keeps a socket on some edge as the SDK does, with
 * the SDK's own waits, behind a gateway that takes a refusal to every other edge.
 * Lean: ten thousand of them live in a process.
 */
import { Backoff } from '../../sdk/backoff.ts'
import { type LeanSocket, openLeanSocket, UpgradeRefused } from '../load/lean-socket.ts'

export interface EdgeAddress {
  readonly host: string
  readonly port: number
}

/**
 * Why a try came to nothing. `sentOn`: an edge answers 503, and another one may
 * take it, or the same one later. `unreachable`: the edge is gone. `failed`: all
 * else, which nobody expects.
 */
export type Failure = 'sentOn' | 'unreachable' | 'failed'

/** What happens to apps; edges by their place in the list. A try is followed by its end. */
export interface AppWatcher {
  tries(): void
  opened(edge: number, edgeTimeMs: number): void
  notOpened(failure: Failure, error: Error): void
  /** A socket is gone that was left for another one. */
  left(edge: number): void
  /** A socket is gone, and its app has no other one yet. */
  lost(edge: number, code: number): void
}

export interface LoadAppOptions {
  readonly edges: readonly EdgeAddress[]
  readonly token: string
  readonly localAddress: string
  readonly watcher: AppWatcher
}

/** As of the SDK. */
const RECONNECT_FIRST_MS = 1_000
const RECONNECT_LONGEST_MS = 30_000
const UNAVAILABLE = 503

/** A socket, from its first byte on. */
interface Held {
  readonly edge: number
  socket: LeanSocket | undefined
  isWelcome: boolean
}

interface Frame {
  readonly welcome?: { readonly serverTimeMs: number }
  readonly goAway?: { readonly reconnectAfterMs: number }
}

export class LoadApp {
  readonly #options: LoadAppOptions
  readonly #backoff = new Backoff({
    firstMs: RECONNECT_FIRST_MS,
    longestMs: RECONNECT_LONGEST_MS,
    random: Math.random,
  })
  #current: Held | undefined
  /** Waiting for the next try, or trying: never more than one. */
  #isComingBack = false
  #lastEdge: number | undefined
  /** Edges that a gateway still asks before the app has to wait. */
  #unasked: number[] = []

  constructor(options: LoadAppOptions) {
    this.#options = options
  }

  get isServed(): boolean {
    return this.#current !== undefined
  }

  connect(): void {
    this.#comeBackAfter(0)
  }

  #comeBackAfter(delayMs: number): void {
    if (this.#isComingBack) return
    this.#isComingBack = true
    if (delayMs === 0) void this.#try()
    else setTimeout(() => void this.#try(), delayMs)
  }

  /** Each once, in any order, and not the one that the app comes from unless there is no other. */
  #nextEdge(): number {
    const { length } = this.#options.edges
    if (this.#unasked.length === 0) {
      const all = Array.from({ length }, (_, edge) => edge)
      this.#unasked = length === 1 ? all : all.filter((edge) => edge !== this.#lastEdge)
    }
    const [edge = 0] = this.#unasked.splice(Math.floor(Math.random() * this.#unasked.length), 1)
    this.#lastEdge = edge
    return edge
  }

  async #try(): Promise<void> {
    const { edges, token, localAddress, watcher } = this.#options
    const held: Held = { edge: this.#nextEdge(), socket: undefined, isWelcome: false }
    const address = edges[held.edge]
    if (address === undefined) throw new Error('an app needs an edge')
    watcher.tries()
    try {
      held.socket = await openLeanSocket({
        ...address,
        path: '/v1/ws',
        localAddress,
        protocol: 'hushryd.v1.json',
        token,
        onFrame: (payload, isText) => this.#receive(held, payload, isText),
        onClose: (code) => this.#closed(held, code),
      })
    } catch (error) {
      this.#notOpened(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #notOpened(error: Error): void {
    const failure = failureOf(error)
    this.#options.watcher.notOpened(failure, error)
    this.#isComingBack = false
    const retryAfterMs = error instanceof UpgradeRefused ? error.retryAfterMs : 0
    const isAskedElsewhere = failure !== 'failed' && this.#unasked.length > 0
    this.#comeBackAfter(isAskedElsewhere ? 0 : Math.max(this.#backoff.nextMs(), retryAfterMs))
  }

  #receive(held: Held, payload: Buffer, isText: boolean): void {
    if (!isText) return
    // The edge's own frames are well formed.
    const frame = JSON.parse(payload.toString()) as Frame
    if (frame.welcome !== undefined) this.#welcomed(held, frame.welcome.serverTimeMs)
    else if (frame.goAway !== undefined && held === this.#current)
      this.#comeBackAfter(frame.goAway.reconnectAfterMs)
  }

  #welcomed(held: Held, edgeTimeMs: number): void {
    const left = this.#current
    this.#current = held
    held.isWelcome = true
    this.#isComingBack = false
    this.#unasked = []
    this.#backoff.reset()
    this.#options.watcher.opened(held.edge, edgeTimeMs)
    left?.socket?.raw.destroy()
  }

  #closed(held: Held, code: number): void {
    if (!held.isWelcome) {
      this.#notOpened(new Error('closed before the welcome'))
      return
    }
    const { watcher } = this.#options
    if (held !== this.#current) {
      watcher.left(held.edge)
      return
    }
    watcher.lost(held.edge, code)
    this.#current = undefined
    this.#comeBackAfter(this.#backoff.nextMs())
  }
}

function failureOf(error: Error & { readonly code?: unknown }): Failure {
  if (error instanceof UpgradeRefused && error.status === UNAVAILABLE) return 'sentOn'
  return error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'unreachable' : 'failed'
}
