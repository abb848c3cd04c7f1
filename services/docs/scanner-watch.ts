/**
 * Whether the scanner answers. While it does not, nothing is examined at all:
 * uploads wait in their queue instead of being read again and again, and none
 * passes unscanned.
 */
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import type { DocsEvents } from './events.ts'
import type { Scanner, ScanResult } from './scanner.ts'
import { ScannerAway } from './scanner.ts'

export interface ScannerWatchOptions {
  readonly scanner: Scanner
  readonly eventLog: EventLog
  readonly events: DocsEvents
  readonly nowMs: () => number
}

export class ScannerWatch implements Scanner {
  readonly #options: ScannerWatchOptions
  #isUp = true
  #awaySinceMs = 0
  #isTold = true
  #back = Promise.withResolvers<void>()

  constructor(options: ScannerWatchOptions) {
    this.#options = options
    this.#back.resolve()
    options.events.scanner(true)
  }

  /** For /readyz, which it does not decide: links, listings and new uploads need no scanner. */
  get state(): string {
    return this.#isUp ? 'ok' : 'away: uploads wait'
  }

  get isUp(): boolean {
    return this.#isUp
  }

  async scan(bytes: Uint8Array): Promise<ScanResult> {
    return await this.#noting(() => this.#options.scanner.scan(bytes))
  }

  async ping(): Promise<void> {
    await this.#noting(() => this.#options.scanner.ping())
  }

  /** Resolves once it answers, or when the signal aborts. */
  async up(signal: AbortSignal): Promise<void> {
    if (this.#isUp || signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const onAbort = (): void => aborted.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    await Promise.race([this.#back.promise, aborted.promise])
    signal.removeEventListener('abort', onAbort)
  }

  /** For the loop: asks it, and tells operations of an outage once. */
  async look(): Promise<void> {
    await this.ping().catch((error: unknown) => {
      if (!(error instanceof ScannerAway)) throw error
    })
    if (!this.#isTold) await this.#tell()
  }

  async #noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      this.#turn(true)
      return result
    } catch (error) {
      if (error instanceof ScannerAway) this.#turn(false, error)
      throw error
    }
  }

  #turn(isUp: boolean, error?: unknown): void {
    if (isUp === this.#isUp) return
    const { events, nowMs } = this.#options
    this.#isUp = isUp
    this.#isTold = false
    events.scanner(isUp, error)
    if (isUp) {
      this.#back.resolve()
    } else {
      this.#awaySinceMs = nowMs()
      this.#back = Promise.withResolvers<void>()
    }
  }

  async #tell(): Promise<void> {
    const { eventLog, nowMs } = this.#options
    const isUp = this.#isUp
    await eventLog.record({
      type: isUp ? 'docs.scanner_back' : 'docs.scanner_away',
      severity: isUp ? Severity.INFO : Severity.CRITICAL,
      data: { awaySince: this.#awaySinceMs },
      occurredAtMs: nowMs(),
    })
    if (isUp === this.#isUp) this.#isTold = true
  }
}
