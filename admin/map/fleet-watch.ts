/** Keeps the fleet up to date with what the map shows: only the visible box and a margin is streamed. */
import { type Box, needsNewBox, paddedBox } from '../../live/fleet/box.ts'
import type { Fleet } from '../../live/fleet/fleet.ts'
import type { WatchFleetResponse } from '../generated/types.ts'
import { keepStream } from '../link/keep-stream.ts'
import type { Operations } from '../link/operations.ts'
import { Store } from '../store/store.ts'

/** More vehicles than this in a box are a crowd that nobody tells apart; the server's own limit. */
const VEHICLES_MAX = 20_000
/** A map that is being moved is asked for where it comes to rest. */
const SETTLE_MS = 250

export class FleetWatch {
  /** Positions do not come in; the stream is being opened again. */
  readonly isDown = new Store(false)
  /** The first snapshot is whole: before, an empty map means nothing. */
  readonly isCaughtUp = new Store(false)
  readonly #operations: Operations
  readonly #fleet: Fleet
  readonly #visibleBox: () => Box
  #watched: Box | undefined
  /** Trips that the running stream has named, until it has caught up. */
  #named: Set<string> | undefined
  #settling: ReturnType<typeof setTimeout> | undefined
  #stop: (() => void) | undefined

  constructor(options: {
    readonly operations: Operations
    readonly fleet: Fleet
    readonly visibleBox: () => Box
  }) {
    this.#operations = options.operations
    this.#fleet = options.fleet
    this.#visibleBox = options.visibleBox
    this.#watch()
  }

  /** The map moved. */
  look(): void {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => {
      if (this.#watched === undefined || needsNewBox(this.#watched, this.#visibleBox())) this.#watch()
    }, SETTLE_MS)
  }

  close(): void {
    clearTimeout(this.#settling)
    this.#stop?.()
  }

  #watch(): void {
    this.#stop?.()
    this.#stop = keepStream({
      open: (signal) => {
        const box = paddedBox(this.#visibleBox())
        this.#watched = box
        return this.#operations.stream.location.watchFleet({ ...box, vehiclesMax: VEHICLES_MAX }, { signal })
      },
      onOpen: () => {
        this.#named = new Set()
      },
      onMessage: (message) => this.#accept(message, Date.now()),
      onEnd: () => this.isDown.set(true),
    })
  }

  #accept({ vehicles, removedTripIds, caughtUp }: WatchFleetResponse, nowMs: number): void {
    this.isDown.set(false)
    for (const { tripId, position } of vehicles) {
      if (position === undefined) continue
      this.#named?.add(tripId)
      this.#fleet.accept(tripId, position, nowMs)
    }
    for (const tripId of removedTripIds) this.#fleet.remove(tripId)
    if (caughtUp) this.isCaughtUp.set(true)
    if (caughtUp && this.#named !== undefined) {
      this.#fleet.keepOnly(this.#named)
      this.#named = undefined
    }
  }
}
