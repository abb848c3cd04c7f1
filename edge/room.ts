/**
 * The sockets of this edge that follow one trip.
 *
 * What a socket sees of a person on a trip is in the order of time, without
 * gap and without repeat: live positions are held back while its join is under
 * way and then follow the snapshot where they are newer; a position that the
 * snapshot already held is not sent again.
 *
 * No clock and no network, so that every interleaving can be tested.
 */
import type { LaneJoined } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { PENDING_POSITIONS_MAX } from './limits.ts'

/** A live position with its frame in each protocol; JSON's is made once, by the first who needs it. */
export interface TripPosition {
  readonly tripId: string
  readonly userId: string
  readonly timestampMs: number
  readonly binary: Buffer
  json: Buffer | undefined
}

export interface Follower {
  readonly isJson: boolean
  sendPosition(position: TripPosition): void
}

/** Positions that wait for a snapshot. */
class HeldPositions {
  readonly positions: TripPosition[] = []
  hasLost = false

  add(position: TripPosition): void {
    this.positions.push(position)
    if (this.positions.length <= PENDING_POSITIONS_MAX) return
    this.positions.shift()
    this.hasLost = true
  }
}

interface PendingJoin<F> {
  readonly follower: F
  readonly held: HeldPositions
}

/** Times by person, of the newest in an answer. */
function newestOf(joined: Pick<LaneJoined, 'latest' | 'missed'>): Map<string, number> {
  const newest = new Map<string, number>()
  const see = ({ userId, timestampMs }: Position): void => {
    newest.set(userId, Math.max(timestampMs, newest.get(userId) ?? timestampMs))
  }
  joined.missed.forEach(see)
  if (joined.latest !== undefined) see(joined.latest)
  return newest
}

export class Room<F extends Follower> {
  readonly tripId: string
  readonly followers: F[] = []
  readonly #pending: PendingJoin<F>[] = []
  /** The time of the newest live position that was delivered here, by person. */
  readonly #delivered = new Map<string, number>()
  /** Where a follower's snapshot was ahead of the live positions: what it has seen by then. */
  #ahead: Map<F, Map<string, number>> | undefined
  /** While nothing was delivered live: the newest that the follower with the oldest snapshot has seen. */
  #snapshotMs: number | undefined
  /** Live positions that wait for what an outage of the lane has withheld. */
  #held: HeldPositions | undefined

  constructor(tripId: string) {
    this.tripId = tripId
  }

  get isEmpty(): boolean {
    return this.followers.length === 0 && this.#pending.length === 0
  }

  /** What every follower has seen up to: the newest delivered, or where there was none, of the oldest snapshot. */
  get #seenMs(): number {
    if (this.#delivered.size === 0) return this.#snapshotMs ?? 0
    return Math.max(...this.#delivered.values())
  }

  /** From now on live positions are kept for the follower; `settle` or `refuse` ends it. */
  beginJoin(follower: F): void {
    this.#removeFollower(follower)
    this.#pending.push({ follower, held: new HeldPositions() })
  }

  isJoining(follower: F): boolean {
    return this.#pending.some((join) => join.follower === follower)
  }

  /**
   * The snapshot has come: `send` it, and what was held back follows.
   * `isComplete` is false where more was held back than there is room for.
   */
  settleJoin(
    follower: F,
    joined: Pick<LaneJoined, 'latest' | 'missed'>,
    send: (isComplete: boolean) => void,
  ): void {
    const held = this.#takePending(follower)
    if (held === undefined) return
    const seen = newestOf(joined)
    const isNewer = ({ userId, timestampMs }: TripPosition): boolean =>
      timestampMs > (seen.get(userId) ?? Number.NEGATIVE_INFINITY)
    const following = held.positions.filter(isNewer)
    // What was lost is older than all that is held: it is a gap only where the snapshot does not reach the first held.
    send(!held.hasLost || following.length < held.positions.length)
    for (const position of following) follower.sendPosition(position)
    this.followers.push(follower)
    if (this.#delivered.size === 0) {
      this.#snapshotMs = Math.min(this.#snapshotMs ?? Number.POSITIVE_INFINITY, Math.max(0, ...seen.values()))
    }
    for (const [userId, timestampMs] of seen) {
      if (timestampMs > (this.#delivered.get(userId) ?? Number.NEGATIVE_INFINITY)) {
        this.#ahead ??= new Map()
        this.#ahead.set(follower, seen)
        break
      }
    }
  }

  /** The join was refused; one who followed before goes on doing so where `goesOn`. */
  refuseJoin(follower: F, goesOn: boolean): void {
    const held = this.#takePending(follower)
    if (held === undefined || !goesOn) return
    for (const position of held.positions) follower.sendPosition(position)
    this.followers.push(follower)
  }

  leave(follower: F): void {
    this.#takePending(follower)
    this.#removeFollower(follower)
  }

  /** A live position from the lane. Answers how many followers got it. */
  deliver(position: TripPosition): number {
    if (this.#held !== undefined) {
      this.#held.add(position)
      return 0
    }
    const { userId, timestampMs } = position
    const delivered = this.#delivered.get(userId)
    if (delivered !== undefined && timestampMs <= delivered) return 0
    this.#delivered.set(userId, timestampMs)
    const { followers } = this
    if (this.#ahead === undefined) {
      for (let index = 0; index < followers.length; index += 1) followers[index]?.sendPosition(position)
    } else {
      this.#deliverBehind(position)
    }
    for (const { held } of this.#pending) held.add(position)
    return followers.length
  }

  #deliverBehind(position: TripPosition): void {
    const { userId, timestampMs } = position
    for (const follower of this.followers) {
      const seen = this.#ahead?.get(follower)
      if (seen !== undefined) {
        if (timestampMs <= (seen.get(userId) ?? Number.NEGATIVE_INFINITY)) continue
        seen.delete(userId)
        if (seen.size === 0) this.#ahead?.delete(follower)
      }
      follower.sendPosition(position)
    }
    if (this.#ahead?.size === 0) this.#ahead = undefined
  }

  /** The lane came back: live positions wait until `settleRejoin`. Answers since when to ask. */
  beginRejoin(): number {
    this.#held ??= new HeldPositions()
    // 0 would ask for the newest only.
    return Math.max(1, this.#seenMs)
  }

  /** Whether a new stream has to be asked for it: someone follows, or positions are being held back. */
  get needsRejoin(): boolean {
    return this.followers.length > 0 || this.#held !== undefined
  }

  /** What the outage withheld goes to every follower, then what came meanwhile. */
  settleRejoin(missed: readonly TripPosition[]): void {
    const held = this.#held
    this.#held = undefined
    for (const position of missed) this.deliver(position)
    for (const position of held?.positions ?? []) this.deliver(position)
  }

  #takePending(follower: F): HeldPositions | undefined {
    const index = this.#pending.findIndex((join) => join.follower === follower)
    return index === -1 ? undefined : this.#pending.splice(index, 1)[0]?.held
  }

  #removeFollower(follower: F): void {
    const index = this.followers.indexOf(follower)
    if (index === -1) return
    // Order among followers means nothing.
    const last = this.followers.pop()
    if (last !== undefined && index < this.followers.length) this.followers[index] = last
    this.#ahead?.delete(follower)
    if (this.#ahead?.size === 0) this.#ahead = undefined
  }
}
