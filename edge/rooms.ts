/**
 * Who follows what on this edge: joins go up the lanes, answers and positions
 * come down to sockets.
 */
import type { LaneJoin, LaneJoined } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'
import { JOIN_TIMEOUT_MS, TRIPS_MAX } from './limits.ts'
import { encodePosition, laneJoinOf, type OpenJoin } from './open-join.ts'
import { Room, type TripPosition } from './room.ts'

/** The lane of a trip, as far as rooms need it. */
export interface RoomLane {
  join(join: LaneJoin): void
  leave(tripId: string): void
}

export interface RoomsOptions {
  readonly laneOf: (tripId: string) => RoomLane
  readonly partitionOf: (tripId: string) => number
  readonly events: EdgeEvents
  readonly clock: Clock
}

/** An outage's missing positions are waited for this long, then the live ones go on. */
const REJOIN_TIMEOUT_MS = 5_000
const REJOIN_RETRY_MS = 1_000
const RETRY_AFTER_MS = 1_000
/** The lane and the push tell the end of a trip; the push says how, and gets this long to come. */
const END_EVENT_WAIT_MS = 1_000

export class Rooms {
  readonly #options: RoomsOptions
  readonly #rooms = new Map<string, Room<Connection>>()
  readonly #joins = new Map<number, OpenJoin>()
  /** Trips to join again, with the time at which to ask. */
  readonly #rejoinAtMs = new Map<string, number>()
  readonly #endedAtMs = new Map<string, number>()
  #lastRef = 0

  constructor(options: RoomsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#rooms.size
  }

  followersOf(tripId: string): readonly Connection[] {
    return this.#rooms.get(tripId)?.followers ?? []
  }

  join(connection: Connection, frameId: string, tripId: string, sinceMs: number): void {
    const room = this.#rooms.get(tripId)
    if (room?.isJoining(connection)) {
      throw new DomainError(
        ErrorReason.ERROR_REASON_DUPLICATE_ID,
        'A join of this trip is already under way.',
      )
    }
    const didFollow = connection.trips?.has(tripId) ?? false
    connection.trips ??= new Set()
    if (!didFollow && connection.trips.size >= TRIPS_MAX) {
      throw new DomainError(
        ErrorReason.ERROR_REASON_LIMIT_REACHED,
        `A connection follows at most ${TRIPS_MAX} trips.`,
      )
    }
    connection.trips.add(tripId)
    this.#roomOf(tripId).beginJoin(connection)
    const join: OpenJoin = {
      ref: this.#nextRef(),
      tripId,
      sinceMs,
      dueAtMs: this.#options.clock.nowMs() + JOIN_TIMEOUT_MS,
      socket: { connection, frameId, didFollow },
    }
    this.#joins.set(join.ref, join)
    this.#options.laneOf(tripId).join(laneJoinOf(join))
  }

  leave(connection: Connection, tripId: string): void {
    if (!connection.trips?.has(tripId)) return
    for (const join of this.#joins.values()) {
      if (join.tripId !== tripId || join.socket?.connection !== connection) continue
      this.#joins.delete(join.ref)
      connection.sendError(
        join.socket.frameId,
        new DomainError(
          ErrorReason.ERROR_REASON_CANCELLED,
          'The trip was left before the join was answered.',
        ),
      )
    }
    this.#remove(connection, tripId)
  }

  /** The socket is gone. */
  drop(connection: Connection): void {
    for (const tripId of connection.trips ?? []) this.#removeFromRoom(connection, tripId)
    connection.trips = undefined
  }

  position(position: TripPosition): void {
    const room = this.#rooms.get(position.tripId)
    if (room === undefined) return
    const delivered = room.deliver(position)
    this.#options.events.positionsDelivered(delivered, position.timestampMs)
  }

  joined(joined: LaneJoined): void {
    const join = this.#joins.get(joined.ref)
    if (join === undefined) return
    this.#joins.delete(joined.ref)
    if (join.socket === undefined) this.#rejoined(join, joined)
    else if (joined.error === undefined) this.#settle(join, joined)
    else {
      const { reason, message, retryAfterMs } = joined.error
      this.#refuse(join, new DomainError(reason, message, { retryAfterMs }))
    }
  }

  #settle({ tripId, socket }: OpenJoin, joined: LaneJoined): void {
    const room = this.#rooms.get(tripId)
    if (room === undefined || socket === undefined) return
    const { connection, frameId } = socket
    room.settleJoin(connection, joined, (isComplete) => {
      const { latest, missed, complete } = joined
      // What a slow socket still holds is older than the answer.
      connection.forgetPositions(tripId)
      const value = { tripId, latest, missed, complete: complete && isComplete }
      connection.send({ id: frameId, frame: { $case: 'joined', value } })
    })
  }

  #refuse({ tripId, socket }: OpenJoin, error: DomainError): void {
    if (socket === undefined) return
    const { connection, frameId, didFollow } = socket
    connection.sendError(frameId, error)
    // One who followed before and asked again only stops where he no longer may.
    const goesOn = didFollow && error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
    this.#rooms.get(tripId)?.refuseJoin(connection, goesOn)
    if (!goesOn) this.#remove(connection, tripId)
  }

  #rejoined({ tripId }: OpenJoin, { error, missed, latest }: LaneJoined): void {
    const room = this.#rooms.get(tripId)
    if (room === undefined) return
    if (error === undefined) {
      const positions = [...missed]
      if (latest !== undefined) positions.push(latest)
      room.settleRejoin(positions.map((position) => encodePosition(tripId, position)))
      return
    }
    room.settleRejoin([])
    if (
      error.reason === ErrorReason.ERROR_REASON_TRIP_ENDED ||
      error.reason === ErrorReason.ERROR_REASON_TRIP_NOT_FOUND
    ) {
      this.ended(tripId)
    } else {
      this.#rejoinAtMs.set(tripId, this.#options.clock.nowMs() + REJOIN_RETRY_MS)
    }
  }

  /** The location service says that the trip is over; the event that says how comes on its own way. */
  ended(tripId: string): void {
    if (this.#rooms.has(tripId) && !this.#endedAtMs.has(tripId)) {
      this.#endedAtMs.set(tripId, this.#options.clock.nowMs())
    }
  }

  /** The trip is over and its followers know it. */
  close(tripId: string): void {
    this.#endedAtMs.delete(tripId)
    const room = this.#rooms.get(tripId)
    if (room === undefined) return
    for (const join of this.#joins.values()) {
      if (join.tripId !== tripId || join.socket === undefined) continue
      this.#joins.delete(join.ref)
      this.#refuse(join, new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'The trip has ended.'))
    }
    for (const follower of [...room.followers]) this.#remove(follower, tripId)
  }

  /** What a new stream of the partition asks for: trips followed, then joins that still wait. */
  rejoins(partition: number): LaneJoin[] {
    const { partitionOf } = this.#options
    for (const join of this.#joins.values()) {
      if (join.socket === undefined && partitionOf(join.tripId) === partition) this.#joins.delete(join.ref)
    }
    const joins: LaneJoin[] = []
    for (const room of this.#rooms.values()) {
      if (partitionOf(room.tripId) === partition && room.needsRejoin) joins.push(this.#rejoin(room))
    }
    for (const join of this.#joins.values()) {
      if (join.socket !== undefined && partitionOf(join.tripId) === partition) joins.push(laneJoinOf(join))
    }
    return joins
  }

  #rejoin(room: Room<Connection>): LaneJoin {
    const { tripId } = room
    this.#rejoinAtMs.delete(tripId)
    const dueAtMs = this.#options.clock.nowMs() + REJOIN_TIMEOUT_MS
    const join: OpenJoin = {
      ref: this.#nextRef(),
      tripId,
      sinceMs: room.beginRejoin(),
      dueAtMs,
      socket: undefined,
    }
    this.#joins.set(join.ref, join)
    return laneJoinOf(join)
  }

  /** Several times a second: answers joins that the lane has not, and asks again. */
  sweep(endTrip: (tripId: string) => void): void {
    const nowMs = this.#options.clock.nowMs()
    for (const join of this.#joins.values()) {
      // Joins are kept in the order of their making, but two timeouts mix.
      if (join.dueAtMs > nowMs) continue
      this.#joins.delete(join.ref)
      if (join.socket === undefined) this.#rooms.get(join.tripId)?.settleRejoin([])
      else {
        const message = 'The location service does not answer.'
        this.#refuse(
          join,
          new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, message, { retryAfterMs: RETRY_AFTER_MS }),
        )
      }
    }
    for (const [tripId, atMs] of this.#rejoinAtMs) {
      if (atMs > nowMs) continue
      this.#rejoinAtMs.delete(tripId)
      const room = this.#rooms.get(tripId)
      if (room !== undefined && room.followers.length > 0)
        this.#options.laneOf(tripId).join(this.#rejoin(room))
    }
    for (const [tripId, atMs] of this.#endedAtMs) {
      if (nowMs - atMs < END_EVENT_WAIT_MS) continue
      this.#endedAtMs.delete(tripId)
      endTrip(tripId)
    }
  }

  #roomOf(tripId: string): Room<Connection> {
    let room = this.#rooms.get(tripId)
    if (room === undefined) {
      room = new Room(tripId)
      this.#rooms.set(tripId, room)
    }
    return room
  }

  #remove(connection: Connection, tripId: string): void {
    connection.forgetTrip(tripId)
    this.#removeFromRoom(connection, tripId)
  }

  #removeFromRoom(connection: Connection, tripId: string): void {
    const room = this.#rooms.get(tripId)
    if (room === undefined) return
    room.leave(connection)
    if (!room.isEmpty) return
    this.#rooms.delete(tripId)
    this.#rejoinAtMs.delete(tripId)
    this.#endedAtMs.delete(tripId)
    this.#options.laneOf(tripId).leave(tripId)
  }

  #nextRef(): number {
    this.#lastRef += 1
    return this.#lastRef
  }
}
