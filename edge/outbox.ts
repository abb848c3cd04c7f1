/**
 * What waits for a socket that is backed up, in three classes: what belongs to
 * an alert goes first, then answers and events in their order, then of each
 * person on each trip the newest position. Only positions are ever given up,
 * and only for newer ones. Past the bound the reader is gone rather than slow,
 * and the socket closes.
 *
 * Pure but for the buffers that it keeps.
 */

/**
 * Bytes that may wait: some answers of calls and thousands of events. One
 * frame may go past it, so that a large answer is no reason to close.
 */
export const HELD_BYTES_MAX = 1024 * 1024
/** A socket that has taken nothing for so long is closed. */
export const BLOCKED_MS_MAX = 20_000

export type Urgency = 'urgent' | 'ordered'

/** Takes a frame; false where the next one has to wait. */
export type Write = (frame: Buffer) => boolean

export class Outbox {
  /** When the socket last took something. */
  movedAtMs: number
  #urgent: Buffer[] = []
  #ordered: Buffer[] = []
  readonly #positions = new Map<string, Buffer>()
  #bytes = 0

  constructor(nowMs: number) {
    this.movedAtMs = nowMs
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#bytes > HELD_BYTES_MAX
  }

  add(frame: Buffer, urgency: Urgency): void {
    if (urgency === 'urgent') this.#urgent.push(frame)
    else this.#ordered.push(frame)
    this.#bytes += frame.length
  }

  /** Positions of one person come in the order of their times. */
  keepNewest(tripId: string, userId: string, frame: Buffer): void {
    // Ids hold no space.
    const key = `${tripId} ${userId}`
    this.#bytes += frame.length - (this.#positions.get(key)?.length ?? 0)
    this.#positions.set(key, frame)
  }

  /** Positions of a trip that was left, has ended, or whose newest is in an answer that comes. */
  forgetTrip(tripId: string): void {
    for (const [key, frame] of this.#positions) {
      if (!key.startsWith(`${tripId} `)) continue
      this.#positions.delete(key)
      this.#bytes -= frame.length
    }
  }

  /** Hands over what the socket takes; true once nothing is left. */
  drain(write: Write): boolean {
    this.#urgent = this.#drainList(this.#urgent, write)
    if (this.#urgent.length > 0) return false
    this.#ordered = this.#drainList(this.#ordered, write)
    if (this.#ordered.length > 0) return false
    for (const [key, frame] of this.#positions) {
      this.#positions.delete(key)
      this.#bytes -= frame.length
      if (!write(frame)) break
    }
    return this.#positions.size === 0
  }

  #drainList(list: Buffer[], write: Write): Buffer[] {
    let taken = 0
    for (const frame of list) {
      taken += 1
      this.#bytes -= frame.length
      if (!write(frame)) break
    }
    return list.slice(taken)
  }

  /** What goes before a close frame, however full the socket is. */
  takeUrgent(): Buffer[] {
    return this.#urgent.splice(0)
  }

  /** All that must arrive, most urgent first. */
  takeAll(): Buffer[] {
    return [...this.#urgent.splice(0), ...this.#ordered.splice(0)]
  }
}
