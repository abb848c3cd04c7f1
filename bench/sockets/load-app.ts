/**
 * One app of the load: it keeps a socket on some edge as the SDK does, with
 * the SDK's own waits, and goes elsewhere where a gateway would send it.
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
  /** A socket is gone: left for another one, or lost. */
  gone(edge: number, isLost: boolean): void
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

/** Edges that a gateway asks for one try of an app, the first and three more; then the app waits. */
const EDGES_ASKED = 4

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
  #lastEdge: number
  /** In a row. */
  #failures = 0

  constructor(options: LoadAppOptions) {
    this.#options = options
    this.#lastEdge = Math.floor(Math.random() * options.edges.length)
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

  /** Any but the one before: it has just refused, or gone. */
  #nextEdge(): number {
    const { length } = this.#options.edges
    if (length > 1) this.#lastEdge += 1 + Math.floor(Math.random() * (length - 1))
    this.#lastEdge %= length
    return this.#lastEdge
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
        onClose: () => this.#closed(held),
      })
    } catch (error) {
      this.#notOpened(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #notOpened(error: Error): void {
    const failure = failureOf(error)
    this.#options.watcher.notOpened(failure, error)
    this.#isComingBack = false
    this.#failures += 1
    const retryAfterMs = error instanceof UpgradeRefused ? error.retryAfterMs : 0
    const isAskedElsewhere = failure !== 'failed' && this.#failures % EDGES_ASKED > 0
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
    this.#failures = 0
    this.#backoff.reset()
    this.#options.watcher.opened(held.edge, edgeTimeMs)
    left?.socket?.raw.destroy()
  }

  #closed(held: Held): void {
    if (!held.isWelcome) {
      this.#notOpened(new Error('closed before the welcome'))
      return
    }
    const isLost = held === this.#current
    this.#options.watcher.gone(held.edge, isLost)
    if (!isLost) return
    this.#current = undefined
    this.#comeBackAfter(this.#backoff.nextMs())
  }
}

function failureOf(error: Error & { readonly code?: unknown }): Failure {
  if (error instanceof UpgradeRefused && error.status === UNAVAILABLE) return 'sentOn'
  return error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'unreachable' : 'failed'
}
