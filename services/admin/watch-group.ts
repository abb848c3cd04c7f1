/** Watchers with the same filter: each message is put together once for all of them. */
import { type EventFilter, passes } from './filter.ts'
import { piecesOf } from './pieces.ts'
import type { Tail } from './tail.ts'
import type { Watcher } from './watcher.ts'
import { encodeMessage } from './wire.ts'

export class WatchGroup {
  readonly watchers = new Set<Watcher>()
  /** When the last message went out. */
  sentAtMs: number
  readonly #filter: EventFilter
  readonly #tail: Tail
  /** Up to here the tail has been looked through. */
  #scanned: number
  /** And up to here watchers know that it has. */
  #sent: number

  constructor(filter: EventFilter, tail: Tail, nowMs: number) {
    this.#filter = filter
    this.#tail = tail
    this.#scanned = tail.last
    this.#sent = tail.last
    this.sentAtMs = nowMs
  }

  /** The sequence of the last message. */
  get sent(): number {
    return this.#sent
  }

  /** Sends what is new. */
  flush(nowMs: number): void {
    const entries = this.#scan()
    if (entries.length > 0) this.#send(entries, nowMs)
  }

  /** Sends what is new, and where that is nothing, how far it has looked. */
  tell(nowMs: number): void {
    this.#send(this.#scan(), nowMs)
  }

  #scan() {
    const fresh = this.#tail.after(this.#scanned)
    this.#scanned = this.#tail.last
    return fresh.filter(({ facts }) => passes(this.#filter, facts))
  }

  #send(entries: ReturnType<Tail['after']>, nowMs: number): void {
    for (const { entries: events, ...place } of piecesOf(entries, this.#sent, this.#scanned)) {
      const message = encodeMessage({ ...place, events: events.map(({ bytes }) => bytes) })
      for (const watcher of this.watchers) watcher.push(message)
    }
    this.#sent = this.#scanned
    this.sentAtMs = nowMs
  }
}
