/**
 * Positions on their way to the location service, until it has said that they
 * are safe. What was sent and not acknowledged, and what came while the lane
 * was down, goes up again as backfill on the next stream.
 *
 * Pure: no clock, no network.
 */
import type { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { type NewReport, ReportBlock } from './report-block.ts'

/** Reports that a partition holds in an outage: two minutes of 650 drivers at 1 Hz, some 10 MB. */
export const HELD_REPORTS_MAX = 80_000
const BATCH_REPORTS_MAX = 1_000

export interface LaneBatch {
  readonly seq: number
  readonly reports: ReportBlock
}

export class LaneBuffer {
  readonly #heldMax: number
  #seq = 0
  #live: ReportBlock[] = []
  #backfill: ReportBlock[] = []
  #unacked: LaneBatch[] = []
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

  add(report: NewReport): void {
    let block = this.#live.at(-1)
    if (block === undefined || block.count >= BATCH_REPORTS_MAX) {
      block = new ReportBlock()
      this.#live.push(block)
    }
    block.add(report)
    this.#held += 1
    if (this.#held > this.#heldMax) this.#thin()
  }

  /** The next batch, older positions first; kept until it is acknowledged. */
  takeBatch(): LaneBatch | undefined {
    const reports = this.#backfill.shift() ?? this.#live.shift()
    if (reports === undefined) return undefined
    this.#seq += 1
    const batch = { seq: this.#seq, reports }
    this.#unacked.push(batch)
    return batch
  }

  /** All batches up to this one are safe. */
  acknowledge(seq: number): void {
    let count = 0
    for (const batch of this.#unacked) {
      if (batch.seq > seq) break
      this.#held -= batch.reports.count
      count += 1
    }
    if (count > 0) this.#unacked.splice(0, count)
  }

  /** The stream is gone: everything held goes again, in its order. */
  restart(): void {
    this.#backfill = this.#all()
    for (const block of this.#backfill) block.turnToBackfill()
    this.#unacked = []
    this.#live = []
  }

  #all(): ReportBlock[] {
    return [...this.#unacked.map(({ reports }) => reports), ...this.#backfill, ...this.#live]
  }

  /** Of the older half of each driver's positions every second one goes; the newest stays. */
  #thin(): void {
    const counts = new Map<string, number>()
    const all = this.#all()
    for (const block of all) {
      for (const report of block.reports()) {
        const driver = driverOf(report)
        counts.set(driver, (counts.get(driver) ?? 0) + 1)
      }
    }
    const seen = new Map<string, number>()
    const isKept = (report: Report): boolean => {
      const driver = driverOf(report)
      const place = seen.get(driver) ?? 0
      seen.set(driver, place + 1)
      const count = counts.get(driver) ?? 0
      return place >= count / 2 || place % 2 === 0
    }
    for (const block of all) block.filter(isKept)
    let left = countOf(all)
    if (left === this.#held) {
      // More drivers than room, each with one or two positions: the oldest go.
      let surplus = Math.ceil(this.#heldMax / 10)
      for (const block of all) block.filter(() => surplus-- <= 0)
      left = countOf(all)
    }
    this.#backfill = this.#backfill.filter(({ count }) => count > 0)
    this.#live = this.#live.filter(({ count }) => count > 0)
    this.#thinned += this.#held - left
    this.#held = left
  }
}

function countOf(blocks: readonly ReportBlock[]): number {
  return blocks.reduce((sum, { count }) => sum + count, 0)
}

function driverOf({ tripId, position }: Report): string {
  return `${tripId} ${position?.userId ?? ''}`
}
