/** Watches all vehicles in the part of the world that is on the screen. */
import { type Box, needsNewBox, paddedBox } from '../fleet/box.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { readFleetChange, type ServerFrame } from './frames.ts'
import type { Outlet } from './link.ts'

const METHOD = 'hushryd.location.v1.LocationService/WatchFleet'
/** More would not be told apart on a screen. */
const VEHICLES_MAX = 5_000
/** A map that moves all the time, as one that follows a vehicle, asks no more often. */
const SETTLE_MS = 350
/** A stream that ended or failed is asked for again after this, or after what its error says. */
const AGAIN_MS = 2_000

export class FleetWatch {
  readonly #fleet: Fleet
  readonly #link: Outlet
  readonly #visibleBox: () => Box
  #calls = 0
  #callId: string | undefined
  #watched: Box | undefined
  /** Trips that the running call has named, until it says that it has caught up. */
  #named: Set<string> | undefined
  #look: ReturnType<typeof setTimeout> | undefined
  #again: ReturnType<typeof setTimeout> | undefined

  constructor(options: { fleet: Fleet; link: Outlet; visibleBox: () => Box }) {
    this.#fleet = options.fleet
    this.#link = options.link
    this.#visibleBox = options.visibleBox
  }

  /** A new connection: nothing runs on it yet. */
  restart(): void {
    this.#callId = undefined
    this.#watch()
  }

  /** The map moved. */
  look(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      if (this.#watched === undefined || needsNewBox(this.#watched, this.#visibleBox())) this.#watch()
    }, SETTLE_MS)
  }

  receive(frame: ServerFrame, nowMs: number): void {
    if (frame.id === undefined || frame.id !== this.#callId) return
    if (frame.next !== undefined) {
      const change = readFleetChange(frame.next)
      for (const { tripId, position } of change.vehicles) {
        this.#named?.add(tripId)
        this.#fleet.accept(tripId, position, nowMs)
      }
      for (const tripId of change.removedTripIds) this.#fleet.remove(tripId)
      if (change.caughtUp && this.#named !== undefined) {
        this.#fleet.keepOnly(this.#named)
        this.#named = undefined
      }
    }
    if (frame.end !== undefined || frame.error !== undefined) {
      this.#callId = undefined
      clearTimeout(this.#again)
      this.#again = setTimeout(() => this.#watch(), Math.max(AGAIN_MS, frame.error?.retryAfterMs ?? 0))
    }
  }

  #watch(): void {
    clearTimeout(this.#again)
    if (this.#callId !== undefined) this.#link.send({ id: this.#callId, cancel: {} })
    this.#calls += 1
    const id = `fleet-${this.#calls}`
    const box = paddedBox(this.#visibleBox())
    const request = { ...box, vehiclesMax: VEHICLES_MAX }
    if (!this.#link.send({ id, call: { method: METHOD, request } })) return
    this.#callId = id
    this.#watched = box
    this.#named = new Set()
  }
}
