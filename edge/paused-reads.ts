/** Sockets that send far beyond their rate are not read for the rest of the second, and TCP holds the sender back. */
import type { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'

export class PausedReads {
  readonly #events: EdgeEvents
  readonly #paused = new Set<Connection>()
  #second = 0

  constructor(events: EdgeEvents) {
    this.#events = events
  }

  pause(connection: Connection): void {
    if (this.#paused.has(connection) || !connection.isOpen) return
    this.#paused.add(connection)
    connection.ws.pause()
    this.#events.flooded()
  }

  forget(connection: Connection): void {
    this.#paused.delete(connection)
  }

  /** Several times a second. */
  sweep(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    if (second === this.#second) return
    this.#second = second
    for (const connection of this.#paused) connection.ws.resume()
    this.#paused.clear()
  }
}
