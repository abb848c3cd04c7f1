/** The way that a vehicle has come, as far as this page saw it. */
import { distanceM, isJump, type Place } from './geo.ts'

export interface TrailPoint extends Place {
  readonly timestampMs: number
  /** The line does not lead here from the point before: the receiver jumped, or was silent for long. */
  readonly isBreak: boolean
}

/** Ten minutes of a driver who reports each second. */
export const TRAIL_POINTS_MAX = 600
/** Nearer fixes add nothing that can be seen. */
const STEP_MIN_M = 4
const SILENCE_MAX_MS = 3 * 60_000

export class Trail {
  readonly #points: TrailPoint[] = []
  readonly #pointsMax: number

  constructor(pointsMax = TRAIL_POINTS_MAX) {
    this.#pointsMax = pointsMax
  }

  get points(): readonly TrailPoint[] {
    return this.#points
  }

  /** Fixes come oldest first; older ones than the newest are ignored. */
  add({ lat, lng, timestampMs }: Place & { readonly timestampMs: number }): void {
    const last = this.#points.at(-1)
    if (last !== undefined) {
      if (timestampMs <= last.timestampMs || distanceM(last, { lat, lng }) < STEP_MIN_M) return
    }
    this.#points.push({
      lat,
      lng,
      timestampMs,
      isBreak: last === undefined || isGap(last, { lat, lng, timestampMs }),
    })
    if (this.#points.length > this.#pointsMax) this.#points.shift()
  }
}

function isGap(last: TrailPoint, next: Place & { readonly timestampMs: number }): boolean {
  const silenceMs = next.timestampMs - last.timestampMs
  return silenceMs > SILENCE_MAX_MS || isJump(last, next, silenceMs)
}
