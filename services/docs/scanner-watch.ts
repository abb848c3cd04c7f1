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
  readonly eventLog: Pick<EventLog, 'record'>
  readonly events: DocsEvents
  readonly nowMs: () => number
}

/** A start of both, signatures that are loaded anew, a machine that is busy: uploads wait, and nobody is called. */
export const CALM_MS = 3_000

export class ScannerWatch implements Scanner {
  readonly #options: ScannerWatchOptions
  #outage: { readonly sinceMs: number; readonly error: unknown } | undefined
  /** When the outage began of which operations know, and not that it is over. */
  #toldSinceMs: number | undefined
  #back = Promise.withResolvers<void>()

  constructor(options: ScannerWatchOptions) {
    this.#options = options
    this.#back.resolve()
    options.events.scanner(true)
  }

  /** For /readyz, which it does not decide: links, listings and new uploads need no scanner. */
  get state(): string {
    return this.isUp ? 'ok' : 'away: uploads wait'
  }

  get isUp(): boolean {
    return this.#outage === undefined
  }

  async scan(bytes: Uint8Array): Promise<ScanResult> {
    return await this.#noting(() => this.#options.scanner.scan(bytes))
  }

  async ping(): Promise<void> {
    await this.#noting(() => this.#options.scanner.ping())
  }

  /** Resolves once it answers, or when the signal aborts. */
  async up(signal: AbortSignal): Promise<void> {
    if (this.isUp || signal.aborted) return
    const aborted = Promise.withResolvers<void>()
    const onAbort = (): void => aborted.resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    await Promise.race([this.#back.promise, aborted.promise])
    signal.removeEventListener('abort', onAbort)
  }

  /** For the loop: asks it, and tells operations once of an outage that lasts, and once of its end. */
  async look(): Promise<void> {
    await this.ping().catch((error: unknown) => {
      if (!(error instanceof ScannerAway)) throw error
    })
    const { events, nowMs } = this.#options
    const outage = this.#outage
    const toldSinceMs = this.#toldSinceMs
    if (outage === undefined && toldSinceMs !== undefined) {
      await this.#tell('docs.scanner_back', Severity.INFO, toldSinceMs)
      this.#toldSinceMs = undefined
    } else if (outage !== undefined && toldSinceMs === undefined && nowMs() - outage.sinceMs >= CALM_MS) {
      await this.#tell('docs.scanner_away', Severity.CRITICAL, outage.sinceMs)
      this.#toldSinceMs = outage.sinceMs
      events.scannerStaysAway(outage.error)
    }
  }

  async #noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      this.#cameBack()
      return result
    } catch (error) {
      if (error instanceof ScannerAway) this.#wentAway(error)
      throw error
    }
  }

  #cameBack(): void {
    if (this.isUp) return
    this.#outage = undefined
    this.#options.events.scanner(true)
    this.#back.resolve()
  }

  #wentAway(error: ScannerAway): void {
    if (!this.isUp) return
    const { events, nowMs } = this.#options
    this.#outage = { sinceMs: nowMs(), error }
    this.#back = Promise.withResolvers<void>()
    events.scanner(false)
  }

  async #tell(type: string, severity: Severity, awaySinceMs: number): Promise<void> {
    const { eventLog, nowMs } = this.#options
    await eventLog.record({ type, severity, data: { awaySince: awaySinceMs }, occurredAtMs: nowMs() })
  }
}
