/** All open sockets of this edge, and who is on them. */
import { CLOSE } from './close-codes.ts'
import type { Connection } from './connection.ts'
import { isSession } from './identity.ts'
import { BLOCKED_MS_MAX } from './outbox.ts'

/** The heartbeat's sweep looks at one slot at a time, so that pings do not go out all at once. */
const SLOTS = 32

export class Connections {
  readonly #byNumber = new Map<number, Connection>()
  readonly #byUser = new ConnectionIndex()
  readonly #admins = new Set<Connection>()
  /** Holders of share links. */
  readonly #byViewedTrip = new ConnectionIndex()
  readonly #slots: Set<Connection>[] = Array.from({ length: SLOTS }, () => new Set<Connection>())
  #turn = 0

  get size(): number {
    return this.#byNumber.size
  }

  all(): IterableIterator<Connection> {
    return this.#byNumber.values()
  }

  byNumber(number: number): Connection | undefined {
    return this.#byNumber.get(number)
  }

  ofUser(userId: string): readonly Connection[] {
    return this.#byUser.get(userId)
  }

  get admins(): ReadonlySet<Connection> {
    return this.#admins
  }

  viewersOf(tripId: string): readonly Connection[] {
    return this.#byViewedTrip.get(tripId)
  }

  add(connection: Connection): void {
    const { identity, number } = connection
    this.#byNumber.set(number, connection)
    this.#slots[number % SLOTS]?.add(connection)
    if (isSession(identity)) {
      this.#byUser.add(identity.caller.userId, connection)
      if (connection.role === 'admin') this.#admins.add(connection)
    } else if (identity.tripId !== '') {
      this.#byViewedTrip.add(identity.tripId, connection)
    }
  }

  remove(connection: Connection): void {
    const { identity, number } = connection
    this.#byNumber.delete(number)
    this.#slots[number % SLOTS]?.delete(connection)
    this.#admins.delete(connection)
    if (isSession(identity)) this.#byUser.remove(identity.caller.userId, connection)
    else this.#byViewedTrip.remove(identity.tripId, connection)
  }

  /** To be called SLOTS times a heartbeat; every socket's turn comes once in it. */
  sweep(nowMs: number, heartbeatMs: number): void {
    this.#turn = (this.#turn + 1) % SLOTS
    for (const connection of this.#slots[this.#turn] ?? []) sweepOne(connection, nowMs, heartbeatMs)
  }

  static sweepEveryMs(heartbeatMs: number): number {
    return Math.max(1, Math.floor(heartbeatMs / SLOTS))
  }
}

function sweepOne(connection: Connection, nowMs: number, heartbeatMs: number): void {
  if (!connection.isOpen) return
  const { blockedSinceMs } = connection
  if (connection.identity.expiresAtMs <= nowMs) {
    connection.goAway('SESSION_REVOKED', 0)
    connection.close(CLOSE.SESSION_EXPIRED, 'the session has ended')
  } else if (nowMs - connection.seenAtMs > 2 * heartbeatMs) {
    connection.close(CLOSE.HEARTBEAT_LOST, 'no sign of life')
  } else if (blockedSinceMs !== undefined && nowMs - blockedSinceMs > BLOCKED_MS_MAX) {
    connection.closeSlow()
  } else {
    connection.ws.ping()
  }
}

/** Connections by a key that few share: no set is made for a person with one socket. */
class ConnectionIndex {
  readonly #byKey = new Map<string, Connection | Set<Connection>>()

  get(key: string): readonly Connection[] {
    const entry = this.#byKey.get(key)
    if (entry === undefined) return []
    return entry instanceof Set ? [...entry] : [entry]
  }

  add(key: string, connection: Connection): void {
    const entry = this.#byKey.get(key)
    if (entry === undefined) this.#byKey.set(key, connection)
    else if (entry instanceof Set) entry.add(connection)
    else if (entry !== connection) this.#byKey.set(key, new Set([entry, connection]))
  }

  remove(key: string, connection: Connection): void {
    const entry = this.#byKey.get(key)
    if (entry instanceof Set) {
      entry.delete(connection)
      if (entry.size === 0) this.#byKey.delete(key)
    } else if (entry === connection) {
      this.#byKey.delete(key)
    }
  }
}
