/**
 * Tells operations of legs that fail: at once, and then the sum of what has
 * failed since, so that an outage in a flood is a line now and then and not
 * one a batch.
 */
import { randomUUID } from 'node:crypto'
import { type NewEvent, Severity } from '@hushryd/kernel/event-log.ts'
import { LEGS, type Leg } from './alert.ts'
import type { Entry } from './entry.ts'

export interface LegFailuresOptions {
  readonly record: (event: NewEvent) => Promise<void>
  readonly nowMs: () => number
}

const EVERY_MS = 10_000

interface Failing {
  count: number
  alertId: string
  toldMs: number
}

export class LegFailures {
  readonly #options: LegFailuresOptions
  readonly #byLeg = new Map<Leg, Failing>()

  constructor(options: LegFailuresOptions) {
    this.#options = options
  }

  note(leg: Leg, entries: readonly Entry[]): void {
    const failing = this.#byLeg.get(leg) ?? { count: 0, alertId: '', toldMs: 0 }
    failing.count += entries.length
    failing.alertId = entries[0]?.alert.alertId ?? ''
    this.#byLeg.set(leg, failing)
    void this.#tellIfDue(leg)
  }

  /** Once a second. */
  async tick(): Promise<void> {
    for (const leg of LEGS) await this.#tellIfDue(leg)
  }

  async #tellIfDue(leg: Leg): Promise<void> {
    const { record, nowMs } = this.#options
    const failing = this.#byLeg.get(leg)
    if (failing === undefined || failing.count === 0 || nowMs() - failing.toldMs < EVERY_MS) return
    const { count, alertId } = failing
    failing.count = 0
    failing.toldMs = nowMs()
    // One id, since a record that waits is tried again.
    const eventId = randomUUID()
    const data = { leg, alerts: count }
    await record({ eventId, type: 'sos.leg_failed', severity: Severity.CRITICAL, alertId, data })
  }
}
