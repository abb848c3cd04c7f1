/**
 * Reports what became of messages: each is sent and then delivered after a
 * short delay, and the customer's webhook is told by signed posts. A post that
 * fails is tried again for half a minute, where providers go on for hours.
 */
import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Log } from '@hushryd/kernel/log.ts'
import type { WebhookPost } from './exchange.ts'
import type { Fault } from './faults.ts'
import type { ReceiptEvent, SandboxProvider, Taken } from './sandbox-provider.ts'

/** Events of a provider that came in the same time are reported together, where it does that. */
const GATHER_MS = 50
const EVENTS_MAX = 500
/** Posts on their way or waiting; past this the newest are given up and counted. */
const POSTS_MAX = 20_000
const SOCKETS_MAX = 64
const TRIES_MAX = 6
const RETRY_BASE_MS = 500
const POST_TIMEOUT_MS = 10_000

export interface ReceiptsOptions {
  /** From taken to sent, and again to delivered. */
  readonly delayMs: number
  readonly log: Log
}

export class Receipts implements Disposable {
  readonly #options: ReceiptsOptions
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #gathered = new Map<SandboxProvider, ReceiptEvent[]>()
  #posts = 0
  #lost = 0
  #isClosed = false

  constructor(options: ReceiptsOptions) {
    this.#options = options
  }

  /** Posts that were given up. */
  get lost(): number {
    return this.#lost
  }

  follow(provider: SandboxProvider, taken: Taken, { receipts }: Fault): void {
    if (provider.report === undefined || receipts === 'none') return
    const { delayMs } = this.#options
    const last = receipts === 'failed' ? 'failed' : 'delivered'
    this.#after(delayMs, () => this.#happen(provider, taken, 'sent'))
    this.#after(2 * delayMs, () => this.#happen(provider, taken, last))
  }

  #after(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, delayMs)
    this.#timers.add(timer)
  }

  #happen(provider: SandboxProvider, taken: Taken, status: ReceiptEvent['status']): void {
    taken.message.status = status
    const event = { ...taken, status, atMs: Date.now() }
    const waiting = this.#gathered.get(provider)
    if (waiting !== undefined) {
      waiting.push(event)
      return
    }
    this.#gathered.set(provider, [event])
    this.#after(GATHER_MS, () => void this.#report(provider))
  }

  async #report(provider: SandboxProvider): Promise<void> {
    const events = this.#gathered.get(provider) ?? []
    this.#gathered.delete(provider)
    for (let from = 0; from < events.length; from += EVENTS_MAX) {
      const posts = (await provider.report?.(events.slice(from, from + EVENTS_MAX))) ?? []
      for (const post of posts) this.#deliver(post, 1)
    }
  }

  #deliver(post: WebhookPost, tries: number): void {
    if (this.#isClosed) return
    if (this.#posts >= POSTS_MAX) {
      this.#lost += 1
      return
    }
    this.#posts += 1
    this.#post(post)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .then((outcome) => {
        this.#posts -= 1
        const isDone = typeof outcome === 'number' && outcome < 500
        if (isDone && outcome >= 400)
          this.#options.log.warn({ url: post.url, status: outcome }, 'a receipt is refused')
        if (isDone || this.#isClosed) return
        if (tries < TRIES_MAX) {
          this.#after(RETRY_BASE_MS * 2 ** (tries - 1), () => this.#deliver(post, tries + 1))
          return
        }
        this.#lost += 1
        this.#options.log.warn({ url: post.url, outcome }, 'a receipt is given up')
      })
  }

  /** Resolves with the status of the answer. */
  #post({ url, headers, body }: WebhookPost): Promise<number> {
    const isTls = url.startsWith('https:')
    return new Promise((resolve, reject) => {
      const call = (isTls ? httpsRequest : httpRequest)(
        url,
        {
          method: 'POST',
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
          timeout: POST_TIMEOUT_MS,
          ...(isTls ? {} : { agent: this.#agent }),
        },
        (response) => {
          response.resume()
          response.once('end', () => resolve(response.statusCode ?? 0))
          response.once('error', reject)
        },
      )
      call.once('timeout', () => call.destroy(new Error('timeout')))
      call.once('error', reject)
      call.end(body)
    })
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#agent.destroy()
  }
}
