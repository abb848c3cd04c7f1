/**
 * How often vehicles are painted: as often as one could see that they have
 * moved. From afar a car takes seconds to cross a pixel, and painting it
 * thirty times meanwhile costs a machine without a GPU all that it has. Pure.
 */
import { WORLD_PX } from './viewport.ts'

const EQUATOR_M = 40_075_017
/** 50 km/h. */
const CAR_MPS = 14
/** On a sharp screen that is half a pixel, and less is no motion to the eye. */
const STEP_PX = 0.25
/** Thirty pictures a second, a little early rather than one frame late. */
const EVERY_MIN_MS = 31
/** Turns and those who appear are still followed. */
const EVERY_MAX_MS = 125

export function paintEveryMs(zoom: number, lat: number): number {
  const metresPerPx = (EQUATOR_M * Math.cos((lat * Math.PI) / 180)) / (WORLD_PX * 2 ** zoom)
  const stepMs = ((metresPerPx * STEP_PX) / CAR_MPS) * 1_000
  return Math.min(EVERY_MAX_MS, Math.max(EVERY_MIN_MS, stepMs))
}
