/** Keeps the pool's picture fresh, and tells operations before it is empty. */
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import type { MaskcallEvents } from './events.ts'
import type { NumberStore } from './number-store.ts'
import type { Pool } from './pool.ts'
import type { SessionStore } from './session-store.ts'
import type { ProviderName } from './voice-provider.ts'

export interface PoolWatchParts {
  readonly pool: Pool
  readonly numbers: NumberStore
  readonly sessions: SessionStore
  readonly eventLog: EventLog
  readonly events: MaskcallEvents
  /** Those that calls can go by. */
  readonly providers: readonly ProviderName[]
  readonly lowPercent: number
  readonly nowMs: () => number
}

/** While it stays low it is told again this often; all processes tell it under one id. */
const TELL_EVERY_MS = 600_000
const PERCENT = 100
/** Allocations that find nothing ask for a fresh picture; one this young is fresh. */
const FRESH_MS = 250

export class PoolWatch {
  readonly #parts: PoolWatchParts
  readonly #toldIn = new Map<ProviderName, number>()
  #running: Promise<void> | undefined
  #readMs = Number.NEGATIVE_INFINITY

  constructor(parts: PoolWatchParts) {
    this.#parts = parts
  }

  async refresh(): Promise<void> {
    if (this.#parts.nowMs() - this.#readMs < FRESH_MS) return
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async #read(): Promise<void> {
    const { pool, numbers, sessions, events, providers, nowMs } = this.#parts
    const [active, use] = await Promise.all([numbers.listActive(), sessions.countUse()])
    pool.update(active, new Map(use.map(({ number, held }) => [number, held])))
    this.#readMs = nowMs()
    for (const provider of providers) events.poolUse(provider, pool.useOf(provider))
  }

  /** For the loop. */
  async look(): Promise<void> {
    await this.refresh()
    for (const provider of this.#parts.providers) await this.#tellIfLow(provider)
  }

  async #tellIfLow(provider: ProviderName): Promise<void> {
    const { pool, eventLog, events, lowPercent, nowMs } = this.#parts
    const { held, capacity } = pool.useOf(provider)
    const isLow = held * PERCENT >= capacity * lowPercent
    const period = Math.floor(nowMs() / TELL_EVERY_MS)
    if (!isLow || this.#toldIn.get(provider) === period) return
    await eventLog.record({
      eventId: `maskcall.pool_low:${provider}:${period}`,
      type: 'maskcall.pool_low',
      severity: held < capacity ? Severity.WARNING : Severity.CRITICAL,
      data: { provider, held, capacity },
    })
    this.#toldIn.set(provider, period)
    events.poolLow(provider, { held, capacity })
  }
}
