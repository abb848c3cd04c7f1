/**
 * Finishes what a process has left behind: open batches in the database whose
 * time is over, because a leg failed or the process died. Any process takes
 * them up; each leg is repeated for all of a batch's alerts, which those that
 * have it recognise.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { backoffMs } from '@hushryd/kernel/loop.ts'
import { type Alert, type AlertId, isClosed } from './alert.ts'
import type { AlertStore } from './alert-store.ts'
import { contactsMessages, type LegRunners, type Links } from './legs.ts'
import type { Message } from './messages.ts'
import type { OpenBatchDocument, OpenBatches, OtherLeg } from './open-batches.ts'

export interface ReconcilerOptions {
  readonly store: Pick<AlertStore, 'findMany'>
  readonly batches: Pick<OpenBatches, 'claimDue' | 'close' | 'narrow'>
  readonly run: LegRunners['run']
  /** The backup for the contacts. */
  readonly call: (messages: readonly Message[]) => Promise<void>
  readonly links: Links
  readonly clock: Clock
  readonly onFinished: (alerts: number) => void
}

const LEG_TIMEOUT_MS = 3_000
const RETRY_BASE_MS = 2_000
const RETRY_MAX_MS = 60_000
/** Alerts of a batch that are not there by then never come: its process died before it inserted them. */
const ORPHAN_AFTER_MS = 60_000

export class Reconciler {
  readonly #options: ReconcilerOptions

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /** Takes up everything that is due. */
  async run(signal: AbortSignal): Promise<void> {
    const { batches, clock } = this.#options
    while (!signal.aborted) {
      const nowMs = clock.nowMs()
      const batch = await batches.claimDue(nowMs, nowMs + RETRY_MAX_MS)
      if (batch === undefined) return
      await this.#finish(batch)
    }
  }

  async #finish({ _id, alertIds, openLegs, openedAt, tries }: OpenBatchDocument): Promise<void> {
    const { store, batches, clock, onFinished } = this.#options
    const alerts = (await store.findMany(alertIds)).map(({ alert }) => alert)
    const missing = this.#missing(alertIds, alerts, openedAt)
    const failed = new Set<Alert>()
    const failedLegs = new Set<OtherLeg>()
    await Promise.all(
      openLegs.map(async (leg) => {
        for (const alert of await this.#run(leg, alerts)) {
          failed.add(alert)
          failedLegs.add(leg)
        }
      }),
    )
    if (failed.size === 0 && missing.length === 0) {
      await batches.close([_id])
      if (alerts.length > 0) onFinished(alerts.length)
      return
    }
    const left = [...missing, ...[...failed].map(({ alertId }) => alertId)]
    const leftLegs = missing.length > 0 ? openLegs : [...failedLegs]
    const pauseMs = backoffMs(tries, { baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random: Math.random })
    await batches.narrow(_id, left, leftLegs, clock.nowMs() + pauseMs)
  }

  /** Those that may still be on their way into the database: an insert that seemed to fail goes on behind. */
  #missing(alertIds: readonly AlertId[], alerts: readonly Alert[], openedAt: Date): readonly AlertId[] {
    if (this.#options.clock.nowMs() - openedAt.getTime() > ORPHAN_AFTER_MS) return []
    const found = new Set(alerts.map(({ alertId }) => alertId))
    return alertIds.filter((alertId) => !found.has(alertId))
  }

  /** Answers those that it failed for. */
  async #run(leg: OtherLeg, alerts: readonly Alert[]): Promise<readonly Alert[]> {
    // Contacts of someone who has called the alert off since are not frightened.
    const concerned = leg === 'contacts' ? alerts.filter((alert) => !isClosed(alert)) : alerts
    const kept = await this.#options.run[leg](concerned, LEG_TIMEOUT_MS)
    const left = concerned.filter((_, index) => kept[index] !== true)
    if (leg !== 'contacts' || left.length === 0) return left
    const { call, links } = this.#options
    return await call(contactsMessages(left, links)).then(
      () => [],
      () => left,
    )
  }
}
