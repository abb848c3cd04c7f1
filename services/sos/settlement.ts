/** What follows once an alert's legs have ended: its open batch closes, or keeps what has to be finished. */

import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
import type { Alert } from './alert.ts'
import type { Entry, StoredBatch } from './entry.ts'
import { type OpenBatches, OTHER_LEGS } from './open-batches.ts'

export interface SettlementOptions {
  readonly batches: Pick<OpenBatches, 'close' | 'narrow'>
  /** The person has been answered before the database had it. */
  readonly onStoredLate: (alert: Alert) => void
  readonly onEnded: (entry: Entry) => void
  readonly onFailed: (error: unknown) => void
  readonly nowMs: () => number
}

const BATCHES_MAX = 500
/** A store that was away is asked again soon. */
const RETRY_AFTER_MS = 1_000

export class Settlement {
  readonly #options: SettlementOptions
  readonly #closing: GroupCommit<StoredBatch>

  constructor(options: SettlementOptions) {
    this.#options = options
    this.#closing = new GroupCommit({ batchMax: BATCHES_MAX, commit: (batches) => this.#close(batches) })
  }

  ended(entry: Entry): void {
    const { onStoredLate, onEnded } = this.#options
    const { batch, earlier } = entry
    onEnded(entry)
    if (entry.isStored && entry.isAnsweredEarly && earlier === undefined) onStoredLate(entry.alert)
    if (batch === undefined) return
    if (!entry.isComplete) batch.failed.push(entry)
    batch.openAlerts -= 1
    if (batch.openAlerts === 0) this.#closing.add(batch)
  }

  async idle(): Promise<void> {
    await this.#closing.idle()
  }

  async #close(ended: readonly StoredBatch[]): Promise<void> {
    const { batches, nowMs, onFailed } = this.#options
    const complete = ended.filter(({ failed }) => failed.length === 0)
    try {
      if (complete.length > 0) await batches.close(complete.map(({ id }) => id))
      for (const { id, failed } of ended) {
        if (failed.length === 0) continue
        const openLegs = OTHER_LEGS.filter((leg) => failed.some(({ outcomes }) => outcomes[leg] !== 'DONE'))
        await batches.narrow(
          id,
          failed.map(({ alert }) => alert.alertId),
          openLegs,
          nowMs() + RETRY_AFTER_MS,
        )
      }
    } catch (error) {
      // They stay open, and whoever takes them up repeats what was done already, which does no harm.
      onFailed(error)
    }
  }
}
