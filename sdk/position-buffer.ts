/**
 * Positions from their report until they are known to be delivered.
 *
 * `waiting` ones go out as `locations`, `syncing` ones have and are not yet
 * answered, `sent` ones went out live, which no edge answers. When a socket
 * dies all of them wait again: the server takes a repeat for the same position.
 *
 * Pure: the caller supplies the time and does the sending.
 */
import type { TripPosition } from './position.ts'

export interface BufferedPosition {
  /** Rises in the order of the reports. */
  readonly number: number
  readonly position: TripPosition
}

interface Entry extends BufferedPosition {
  state: 'waiting' | 'syncing' | 'sent'
  sentAtMs: number
}

export class PositionBuffer {
  readonly #sizeMax: number
  readonly #entries = new Map<number, Entry>()
  #lastNumber = 0
  #sentCount = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Positions that are not on their way live. */
  get waitingCount(): number {
    return this.#entries.size - this.#sentCount
  }

  get sentCount(): number {
    return this.#sentCount
  }

  /** `dropped` is the oldest one, where there was no room. */
  add(position: TripPosition): { added: BufferedPosition; dropped: BufferedPosition | undefined } {
    this.#lastNumber += 1
    const added: Entry = { number: this.#lastNumber, position, state: 'waiting', sentAtMs: 0 }
    this.#entries.set(added.number, added)
    if (this.#entries.size <= this.#sizeMax) return { added, dropped: undefined }
    const [oldest] = this.#entries.values()
    if (oldest !== undefined) this.remove(oldest.number)
    return { added, dropped: oldest }
  }

  /** Undefined for one that was dropped or delivered meanwhile. */
  find(number: number): BufferedPosition | undefined {
    return this.#entries.get(number)
  }

  remove(number: number): void {
    this.#move(number, 'waiting')
    this.#entries.delete(number)
  }

  markSent(number: number, nowMs: number): void {
    this.#move(number, 'sent')
    const entry = this.#entries.get(number)
    if (entry !== undefined) entry.sentAtMs = nowMs
  }

  /** Those sent live up to then have arrived. */
  confirmSentUpTo(ms: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === 'sent' && entry.sentAtMs <= ms) this.remove(entry.number)
    }
  }

  /** The oldest that wait. */
  waiting(countMax: number): BufferedPosition[] {
    const found: BufferedPosition[] = []
    for (const entry of this.#entries.values()) {
      if (found.length === countMax) break
      if (entry.state === 'waiting') found.push(entry)
    }
    return found
  }

  markSyncing(numbers: readonly number[]): void {
    for (const number of numbers) this.#move(number, 'syncing')
  }

  /** They are to be sent again. */
  markWaiting(numbers: readonly number[]): void {
    for (const number of numbers) this.#move(number, 'waiting')
  }

  markAllWaiting(): void {
    this.markWaiting([...this.#entries.keys()])
  }

  #move(number: number, state: Entry['state']): void {
    const entry = this.#entries.get(number)
    if (entry === undefined) return
    if (entry.state === 'sent') this.#sentCount -= 1
    if (state === 'sent') this.#sentCount += 1
    entry.state = state
  }
}
