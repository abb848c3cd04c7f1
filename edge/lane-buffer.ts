/**
 * Positions on their way to the location service, until it has said that they
 * are safe. What was sent and not acknowledged, and what came while the lane
 * was down, goes up again as backfill on the next stream.
 *
 * Pure: no clock, no network.
 */
import type { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'

/** Reports that a partition holds in an outage: two minutes of 650 drivers at 1 Hz, some 25 MB. */
export const HELD_REPORTS_MAX = 80_000
const BATCH_REPORTS_MAX = 1_000

export interface LaneBatch {
  readonly seq: number
  readonly reports: Report[]
  readonly backfill: Report[]
}

export class LaneBuffer {
  readonly #heldMax: number
  #seq = 0
  #live: Report[] = []
  #backfill: Report[] = []
  #unacked: { readonly seq: number; readonly reports: Report[] }[] = []
  #held = 0
  #thinned = 0

  constructor(heldMax = HELD_REPORTS_MAX) {
    this.#heldMax = heldMax
  }

  /** Reports not yet known to be safe. */
  get held(): number {
    return this.#held
  }

  /** Reports given up so far for want of room. */
  get thinned(): number {
    return this.#thinned
  }

  get hasBatch(): boolean {
    return this.#live.length > 0 || this.#backfill.length > 0
  }

  /** True while the service has something to acknowledge. */
  get isWaiting(): boolean {
    return this.#unacked.length > 0
  }

  add(report: Report): void {
    this.#live.push(report)
    this.#held += 1
    if (this.#held > this.#heldMax) this.#thin()
  }

  /** The next batch, older positions first; kept until it is acknowledged. */
  takeBatch(): LaneBatch | undefined {
    if (this.#backfill.length > 0) {
      const backfill = this.#backfill.splice(0, BATCH_REPORTS_MAX)
      return { ...this.#sent(backfill), reports: [], backfill }
    }
    if (this.#live.length === 0) return undefined
    const reports =
      this.#live.length > BATCH_REPORTS_MAX ? this.#live.splice(0, BATCH_REPORTS_MAX) : this.#live
    if (reports === this.#live) this.#live = []
    return { ...this.#sent(reports), reports, backfill: [] }
  }

  #sent(reports: Report[]): { readonly seq: number } {
    this.#seq += 1
    this.#unacked.push({ seq: this.#seq, reports })
    return { seq: this.#seq }
  }

  /** All batches up to this one are safe. */
  acknowledge(seq: number): void {
    let count = 0
    for (const batch of this.#unacked) {
      if (batch.seq > seq) break
      this.#held -= batch.reports.length
      count += 1
    }
    if (count > 0) this.#unacked.splice(0, count)
  }

  /** The stream is gone: everything held goes again, in its order. */
  restart(): void {
    this.#backfill = this.#all()
    this.#unacked = []
    this.#live = []
  }

  #all(): Report[] {
    return [...this.#unacked.flatMap(({ reports }) => reports), ...this.#backfill, ...this.#live]
  }

  /** Of the older half of each driver's positions every second one goes; the newest stays. */
  #thin(): void {
    const counts = new Map<string, number>()
    const all = this.#all()
    for (const report of all) counts.set(driverOf(report), (counts.get(driverOf(report)) ?? 0) + 1)
    const seen = new Map<string, number>()
    const isKept = (report: Report): boolean => {
      const place = seen.get(driverOf(report)) ?? 0
      seen.set(driverOf(report), place + 1)
      const count = counts.get(driverOf(report)) ?? 0
      return place >= count / 2 || place % 2 === 0
    }
    this.#unacked = this.#unacked.map(({ seq, reports }) => ({ seq, reports: reports.filter(isKept) }))
    this.#backfill = this.#backfill.filter(isKept)
    this.#live = this.#live.filter(isKept)
    let left = this.#unacked.reduce((sum, { reports }) => sum + reports.length, 0)
    left += this.#backfill.length + this.#live.length
    if (left === this.#held) {
      // More drivers than room, each with one or two positions: the oldest go.
      const surplus = Math.ceil(this.#heldMax / 10)
      left -= this.#dropOldest(surplus)
    }
    this.#thinned += this.#held - left
    this.#held = left
  }

  #dropOldest(count: number): number {
    let dropped = 0
    for (const list of [...this.#unacked.map(({ reports }) => reports), this.#backfill, this.#live]) {
      dropped += list.splice(0, count - dropped).length
      if (dropped === count) break
    }
    return dropped
  }
}

function driverOf({ tripId, position }: Report): string {
  return `${tripId} ${position?.userId ?? ''}`
}
