/**
 * What followers of one trip have seen: each person's positions in the order of
 * their times, none twice, over any number of reconnects.
 *
 * Pure: frames come in, positions go out.
 */

import { tell } from './emitter.ts'
import type { HushrydError } from './error.ts'
import type { EventFrame, JoinedFrame, Position } from './generated/types.ts'

export interface JoinedTrip {
  /** The newest position, where there is one. */
  readonly latest: Position | undefined
  /** How many positions came in the meantime; they follow. */
  readonly missed: number
  /** False where some of the missed is gone; the trail may have it. */
  readonly isComplete: boolean
  /** The connection was lost before. */
  readonly isRejoin: boolean
}

export interface TripEnd {
  /** `ended` where it is not known how; `refused` where this person may not follow it: the error says why. */
  readonly reason: 'completed' | 'cancelled' | 'ended' | 'refused'
  readonly event?: EventFrame
  readonly error?: HushrydError
}

export interface TripListener {
  /** A person's times rise, and no position comes twice. */
  readonly onPosition?: ((position: Position) => void) | undefined
  readonly onJoined?: ((joined: JoinedTrip) => void) | undefined
  /** Nothing more comes. */
  readonly onEnd?: ((end: TripEnd) => void) | undefined
  /** First what was newer than this, milliseconds since 1970; only the newest where it is left out. */
  readonly sinceMs?: number | undefined
}

export class FollowedTrip {
  readonly tripId: string
  readonly #listeners = new Set<TripListener>()
  readonly #newest = new Map<string, Position>()
  /** Where nobody was seen yet: from when on everything is wanted; 0 for the newest only. */
  #startMs: number
  #hasJoined = false

  constructor(tripId: string, sinceMs: number) {
    this.tripId = tripId
    this.#startMs = sinceMs
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0
  }

  /** A later listener first gets what the earlier ones saw last. */
  add(listener: TripListener): void {
    this.#listeners.add(listener)
    for (const position of this.#newest.values()) tell(listener.onPosition, position)
  }

  remove(listener: TripListener): void {
    this.#listeners.delete(listener)
  }

  /** For the next join: the person seen longest ago decides, and who was seen later is sorted out. */
  get sinceMs(): number {
    let since = Number.POSITIVE_INFINITY
    for (const { timestampMs } of this.#newest.values()) since = Math.min(since, timestampMs)
    return Number.isFinite(since) ? since : this.#startMs
  }

  joined({ latest, missed, complete }: JoinedFrame, serverTimeMs: number): void {
    const isRejoin = this.#hasJoined
    this.#hasJoined = true
    // Whatever a first driver reports after this is missed where the connection goes now.
    if (this.#startMs === 0) this.#startMs = serverTimeMs
    const told = { latest, missed: missed.length, isComplete: complete, isRejoin }
    this.#tellAll(({ onJoined }) => tell(onJoined, told))
    this.positions(latest === undefined ? missed : [...missed, latest])
  }

  positions(positions: readonly Position[]): void {
    for (const position of positions) {
      const seen = this.#newest.get(position.userId)
      if (seen !== undefined && position.timestampMs <= seen.timestampMs) continue
      this.#newest.set(position.userId, position)
      this.#tellAll(({ onPosition }) => tell(onPosition, position))
    }
  }

  end(end: TripEnd): void {
    this.#tellAll(({ onEnd }) => tell(onEnd, end))
    this.#listeners.clear()
  }

  #tellAll(tellOne: (listener: TripListener) => void): void {
    for (const listener of [...this.#listeners]) tellOne(listener)
  }
}
