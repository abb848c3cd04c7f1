/**
 * Sockets that were told to go elsewhere: those that do not in time are
 * closed. One sweep for all, no timer a socket.
 */
import { CLOSE } from './close-codes.ts'
import type { Connection } from './connection.ts'

/** What a goodbye is for, with the code that closes those who stay. */
const CODE_OF = { DRAIN: CLOSE.DRAIN, REBALANCE: CLOSE.REBALANCE } as const

interface Goodbye {
  readonly reason: keyof typeof CODE_OF
  readonly dueAtMs: number
}

export class Goodbyes {
  readonly #goodbyes = new Map<Connection, Goodbye>()

  /** Told and still here. */
  get size(): number {
    return this.#goodbyes.size
  }

  /** `graceMs` is what the app gets beyond its time to reconnect. */
  say(
    connection: Connection,
    goodbye: {
      readonly reason: Goodbye['reason']
      readonly reconnectAfterMs: number
      readonly graceMs: number
      readonly nowMs: number
    },
  ): void {
    if (!connection.isOpen || connection.isLeaving) return
    const { reason, reconnectAfterMs, graceMs, nowMs } = goodbye
    connection.isLeaving = true
    connection.goAway(reason, reconnectAfterMs)
    this.#goodbyes.set(connection, { reason, dueAtMs: nowMs + reconnectAfterMs + graceMs })
  }

  /** The socket is gone. */
  forget(connection: Connection): void {
    this.#goodbyes.delete(connection)
  }

  sweep(nowMs: number): void {
    for (const [connection, { reason, dueAtMs }] of this.#goodbyes) {
      if (dueAtMs > nowMs) continue
      // Evening out the fleet can wait for an alert.
      if (reason === 'REBALANCE' && connection.sosCalls > 0) continue
      this.#goodbyes.delete(connection)
      connection.close(CODE_OF[reason], 'reconnect elsewhere')
    }
  }
}
