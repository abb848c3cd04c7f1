/** A group of reports that is answered together, once all have come through. */
import type { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { ErrorReason } from '@hushryd/kernel/error.ts'

/** Whoever sent a report hears why it was refused. */
export interface RefusalSink {
  refuse(report: Report, index: number, reason: ErrorReason): void
}

/** For positions sent again: nobody waits for an answer. */
export const NOBODY: RefusalSink = { refuse: () => undefined }

export interface Batch {
  /** Reports that wait for their trip's lookup. */
  open: number
  /** The last flush that carries one of its positions; 0 where none does. */
  flush: number
  /** Called once, when nothing is open and that flush is settled. */
  readonly settle: () => void
}

/**
 * Flushes settle in any order; a batch is settled once all flushes up to its
 * own are.
 */
export class Settlements {
  #batches: Batch[] = []
  #settled = 0
  readonly #ahead = new Set<number>()

  get outstanding(): number {
    return this.#batches.length
  }

  add(batch: Batch): void {
    this.#batches.push(batch)
  }

  /** Flushes are numbered from 1 without gaps. */
  flushSettled(flush: number): void {
    this.#ahead.add(flush)
    while (this.#ahead.delete(this.#settled + 1)) this.#settled++
    const batches = this.#batches
    this.#batches = []
    for (const batch of batches) {
      if (batch.open === 0 && batch.flush <= this.#settled) batch.settle()
      else this.#batches.push(batch)
    }
  }
}
