/** The time that calls take, and the posts that tell of them: in order, each tried a few times. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@hushryd/kernel/log.ts'
import type { WebhookPost } from '../exchange.ts'
import type { CallBoard, LegStatus, SandboxLeg } from './call-board.ts'

export interface PhoneLineOptions {
  readonly board: CallBoard
  /** How long a phone rings, and the unit of everything else. */
  readonly delayMs: number
  readonly log: Log
}

export interface WebhookReply {
  readonly status: number
  readonly body: string
}

const TALK_DELAYS = 5
const TRIES_MAX = 3
const POST_TIMEOUT_MS = 10_000

export class PhoneLine implements Disposable {
  readonly #options: PhoneLineOptions
  readonly #closed = new AbortController()

  constructor(options: PhoneLineOptions) {
    this.#options = options
  }

  get board(): CallBoard {
    return this.#options.board
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closed.signal, ref: false })
  }

  /** Rings the phone; whether it was answered is the leg's status. */
  async ring(leg: SandboxLeg): Promise<void> {
    const { board, delayMs } = this.#options
    await this.#wait(delayMs)
    const behaviour = board.behaviourOf(leg.to)
    leg.status = behaviour === 'busy' || behaviour === 'no-answer' ? behaviour : 'in-progress'
  }

  /** Until both hang up; answers the seconds. */
  async talk(legs: readonly SandboxLeg[]): Promise<number> {
    const { board, delayMs } = this.#options
    const startMs = performance.now()
    const holder = legs.find(({ to }) => board.behaviourOf(to) === 'hold')
    if (holder === undefined) await this.#wait(TALK_DELAYS * delayMs)
    else await Promise.race([board.held(holder.to), this.#untilClosed()])
    for (const leg of legs) leg.status = 'completed'
    return Math.max(1, Math.round((performance.now() - startMs) / 1000))
  }

  #untilClosed(): Promise<never> {
    const { signal } = this.#closed
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  /** Asks or tells the customer; throws where he does not answer at all. */
  async send({ url, headers, body }: WebhookPost, method: 'GET' | 'POST' = 'POST'): Promise<WebhookReply> {
    for (let tries = 1; ; tries += 1) {
      try {
        const response = await fetch(url, {
          method,
          headers,
          ...(method === 'POST' ? { body } : {}),
          redirect: 'manual',
          signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
        })
        return { status: response.status, body: await response.text() }
      } catch (error) {
        if (tries === TRIES_MAX || this.#closed.signal.aborted) throw error
        await this.#wait(this.#options.delayMs)
      }
    }
  }

  /** What happens to a call by itself; its errors end it and nothing else. */
  play(story: () => Promise<void>): void {
    story().catch((error: unknown) => {
      if (!this.#closed.signal.aborted)
        this.#options.log.warn({ err: error }, 'a call of the sandbox broke off')
    })
  }

  [Symbol.dispose](): void {
    this.#closed.abort()
  }
}

export function isAnswered({ status }: SandboxLeg): boolean {
  return status === 'in-progress'
}

export function newLeg(from: string, to: string, status: LegStatus = 'ringing'): SandboxLeg {
  return { from, to, status }
}
