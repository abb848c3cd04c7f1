/** Follows the one trip of a share link, first catching up with what it missed. */
import type { Fleet } from '../fleet/fleet.ts'
import type { Position, ServerFrame } from './frames.ts'
import type { Outlet } from './link.ts'

/** How much of the way so far is drawn when the page opens. */
const LOOK_BACK_MS = 10 * 60_000
const ENDINGS: Readonly<Record<string, string>> = {
  'trip.completed': 'This trip has arrived.',
  'trip.cancelled': 'This trip was cancelled.',
}
/** Answers to `join` that time does not change, by their gRPC status. */
const REFUSALS: Readonly<Record<string, string>> = {
  FAILED_PRECONDITION: 'This trip has ended.',
  NOT_FOUND: 'There is no such trip.',
  PERMISSION_DENIED: 'This link is not for this trip.',
}
const JOIN_ID = 'join'
const AGAIN_MS = 2_000

export class TripFollow {
  readonly #fleet: Fleet
  readonly #link: Outlet
  readonly #tripId: string
  #newestMs = 0

  constructor(options: { fleet: Fleet; link: Outlet; tripId: string }) {
    this.#fleet = options.fleet
    this.#link = options.link
    this.#tripId = options.tripId
  }

  restart(nowMs: number): void {
    const sinceMs = Math.max(this.#newestMs, nowMs - LOOK_BACK_MS)
    this.#link.send({ id: JOIN_ID, join: { tripId: this.#tripId, sinceMs } })
  }

  receive(frame: ServerFrame, nowMs: number): void {
    if (frame.joined !== undefined) {
      const { latest, missed = [] } = frame.joined
      this.#acceptPast([...missed, ...(latest === undefined ? [] : [latest])], nowMs)
    }
    for (const position of frame.trip?.updates ?? []) {
      this.#newestMs = Math.max(this.#newestMs, position.timestampMs)
      this.#fleet.accept(this.#tripId, position, nowMs)
    }
    const ending = frame.event?.tripId === this.#tripId ? ENDINGS[frame.event.type] : undefined
    if (ending !== undefined) this.#link.stop(ending)
    if (frame.id === JOIN_ID && frame.error !== undefined) this.#refused(frame.error)
  }

  #refused({ code, retryAfterMs = 0 }: NonNullable<ServerFrame['error']>): void {
    const refusal = REFUSALS[code]
    if (refusal !== undefined) this.#link.stop(refusal)
    else setTimeout(() => this.restart(Date.now()), Math.max(AGAIN_MS, retryAfterMs))
  }

  /** Positions of before this connection are the way so far: they say nothing about delays now. */
  #acceptPast(positions: readonly Position[], nowMs: number): void {
    for (const position of positions) {
      this.#newestMs = Math.max(this.#newestMs, position.timestampMs)
      this.#fleet.acceptPast(this.#tripId, position, nowMs)
    }
  }
}
