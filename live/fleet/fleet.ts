/** All vehicles that the page knows, and the traffic that keeps them up to date. */
import { TrafficMeter } from './traffic-meter.ts'
import { type Fix, Vehicle } from './vehicle.ts'

/** A clock that is off by less is taken for the way's own delay. */
const CLOCK_SKEW_MIN_MS = 2_000

export class Fleet {
  readonly vehicles = new Map<string, Vehicle>()
  readonly meter = new TrafficMeter()
  readonly #trailPointsMax: number | undefined
  #clockOffsetMs = 0

  /** `trailPointsMax`: of each vehicle. Ten thousand long trails fill a browser’s memory. */
  constructor({ trailPointsMax }: { readonly trailPointsMax?: number } = {}) {
    this.#trailPointsMax = trailPointsMax
  }

  /** A device's clock may be minutes off; ages are told by the server's. */
  setClock(serverTimeMs: number, nowMs: number): void {
    const offsetMs = serverTimeMs - nowMs
    this.#clockOffsetMs = Math.abs(offsetMs) < CLOCK_SKEW_MIN_MS ? 0 : offsetMs
  }

  ageMs(vehicle: Vehicle, nowMs: number): number {
    return nowMs + this.#clockOffsetMs - vehicle.fix.timestampMs
  }

  /** A position that has just arrived. The first of a trip may come from a snapshot: its delay says nothing. */
  accept(tripId: string, fix: Fix, nowMs: number): void {
    const vehicle = this.vehicles.get(tripId)
    if (vehicle === undefined)
      this.vehicles.set(tripId, new Vehicle(tripId, fix, nowMs, this.#trailPointsMax))
    else if (vehicle.accept(fix, nowMs)) this.meter.count(nowMs - fix.timestampMs, nowMs)
  }

  /** A position of the way so far: shown, and not counted as traffic. */
  acceptPast(tripId: string, fix: Fix, nowMs: number): void {
    const vehicle = this.vehicles.get(tripId)
    if (vehicle === undefined)
      this.vehicles.set(tripId, new Vehicle(tripId, fix, nowMs, this.#trailPointsMax))
    else vehicle.acceptPast(fix, nowMs)
  }

  remove(tripId: string): void {
    this.vehicles.delete(tripId)
  }

  /** What a new snapshot does not name has gone meanwhile. */
  keepOnly(tripIds: ReadonlySet<string>): void {
    for (const tripId of this.vehicles.keys()) if (!tripIds.has(tripId)) this.vehicles.delete(tripId)
  }
}
