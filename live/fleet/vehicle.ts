import type { Place } from './geo.ts'
import { type Motion, nextMotion, type Pose, poseAt, type Step, standingAt } from './motion.ts'
import { Trail } from './trail.ts'

/** A measured position, as far as the map shows it. */
export interface Fix extends Place {
  /** m/s. */
  readonly speed: number
  readonly heading: number
  readonly timestampMs: number
}

/** Below this speed a receiver's heading is noise. */
const STANDING_MPS = 0.5

function stepOf({ lat, lng, speed, heading }: Fix): Step {
  return { lat, lng, heading: speed < STANDING_MPS ? undefined : heading }
}

/** A vehicle on an active trip: its newest fix, where it is drawn, and the way it came. */
export class Vehicle {
  readonly tripId: string
  readonly trail: Trail
  /** When it came onto this map. */
  readonly bornMs: number
  #fix: Fix
  #motion: Motion

  constructor(tripId: string, fix: Fix, nowMs: number, trailPointsMax?: number) {
    this.tripId = tripId
    this.trail = new Trail(trailPointsMax)
    this.bornMs = nowMs
    this.#fix = fix
    this.#motion = standingAt({ lat: fix.lat, lng: fix.lng, heading: fix.heading }, nowMs)
    this.trail.add(fix)
  }

  get fix(): Fix {
    return this.#fix
  }

  /** Drives on to a fix that has just come. False where it is no newer than the one before. */
  accept(fix: Fix, nowMs: number): boolean {
    const sinceLastMs = fix.timestampMs - this.#fix.timestampMs
    if (!this.#keep(fix)) return false
    this.#motion = nextMotion(this.#motion, stepOf(fix), nowMs, sinceLastMs)
    return true
  }

  /** Stands at a fix of earlier. */
  acceptPast(fix: Fix, nowMs: number): void {
    if (!this.#keep(fix)) return
    const { heading } = this.#motion.to
    this.#motion = standingAt({ ...stepOf(fix), heading: stepOf(fix).heading ?? heading }, nowMs)
  }

  #keep(fix: Fix): boolean {
    if (fix.timestampMs <= this.#fix.timestampMs) return false
    this.#fix = fix
    this.trail.add(fix)
    return true
  }

  poseAt(nowMs: number): Pose {
    return poseAt(this.#motion, nowMs)
  }

  /** Where it was measured, for those who want no motion. */
  get restingPose(): Pose {
    return this.#motion.to
  }
}
