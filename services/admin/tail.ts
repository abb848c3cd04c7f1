/**
 * The newest part of the log in this process's memory: what live watchers are
 * served from, and where those who resume soon find what they missed.
 *
 * Pure.
 */
import { type EventFacts, type EventFilter, passes } from './filter.ts'

export interface TailEntry {
  readonly sequence: number
  readonly facts: EventFacts
  /** Of encodeEventPart. */
  readonly bytes: Uint8Array
}

/** Six minutes at 200,000 events an hour; some 10 MB. */
export const TAIL_MAX = 20_000
/** The array is cut only now and then, since that moves all of it. */
const CUT_AFTER = TAIL_MAX / 4

export class Tail {
  #entries: TailEntry[] = []
  #begin: number
  #last: number

  /** Empty, for what follows this number. */
  constructor(afterSequence = 0) {
    this.#begin = afterSequence
    this.#last = afterSequence
  }

  /** Every event with a greater number, up to `last`, is here. */
  get begin(): number {
    return this.#begin
  }

  /** The greatest number that has been seen. */
  get last(): number {
    return this.#last
  }

  append(entry: TailEntry): void {
    this.skip(entry.sequence)
    this.#entries.push(entry)
    if (this.#entries.length > TAIL_MAX + CUT_AFTER) {
      const gone = this.#entries.splice(0, this.#entries.length - TAIL_MAX)
      this.#begin = gone.at(-1)?.sequence ?? this.#begin
    }
  }

  /** A number without an event that anyone could read. */
  skip(sequence: number): void {
    if (sequence <= this.#last) throw new Error(`event ${sequence} of the log came after ${this.#last}`)
    this.#last = sequence
  }

  /** At most `max` events after the number, which must not lie before `begin`. */
  after(sequence: number, max = Number.POSITIVE_INFINITY): readonly TailEntry[] {
    if (sequence < this.#begin) throw new Error(`events after ${sequence} are no longer in memory`)
    const from = this.#indexAfter(sequence)
    return this.#entries.slice(from, Math.min(from + max, this.#entries.length))
  }

  /** The newest ones that pass, in the order of the log. */
  newest(filter: EventFilter, count: number): readonly TailEntry[] {
    const found: TailEntry[] = []
    for (let index = this.#entries.length - 1; index >= 0 && found.length < count; index -= 1) {
      const entry = this.#entries[index]
      if (entry !== undefined && passes(filter, entry.facts)) found.push(entry)
    }
    return found.reverse()
  }

  #indexAfter(sequence: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]?.sequence ?? 0) <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}
