/**
 * How a vehicle moves on the screen between two fixes.
 *
 * Each new fix starts a glide from wherever the vehicle is drawn to where it
 * was measured, as long as the time between its fixes: a car that reports
 * steadily moves steadily, one fix behind. Pure.
 */
import { isJump, type Place, type Point, toPlace, toPoint, turn } from './geo.ts'

export interface Pose extends Point {
  /** Degrees clockwise from north. */
  readonly heading: number
}

export interface Motion {
  readonly from: Pose
  readonly to: Pose
  readonly startMs: number
  readonly durationMs: number
}

/** A turn is done in this part of the glide: a car has turned before it has driven on. */
const TURN_SHARE = 0.4
const GLIDE_MIN_MS = 150
/** After a longer silence a vehicle catches up in this time. */
const GLIDE_MAX_MS = 2_500

export interface Step extends Place {
  /** Undefined where unknown: the vehicle keeps its heading. */
  readonly heading: number | undefined
}

export function standingAt(step: Step, nowMs: number): Motion {
  const pose = { ...toPoint(step), heading: step.heading ?? 0 }
  return { from: pose, to: pose, startMs: nowMs, durationMs: 0 }
}

/** `sinceLastMs` is the time between the two fixes. */
export function nextMotion(motion: Motion, step: Step, nowMs: number, sinceLastMs: number): Motion {
  const from = poseAt(motion, nowMs)
  const to = { ...toPoint(step), heading: step.heading ?? motion.to.heading }
  if (isJump(toPlace(from), step, sinceLastMs + motion.durationMs)) {
    return { from: to, to, startMs: nowMs, durationMs: 0 }
  }
  const durationMs = Math.min(GLIDE_MAX_MS, Math.max(GLIDE_MIN_MS, sinceLastMs))
  return { from, to, startMs: nowMs, durationMs }
}

function easeInOut(share: number): number {
  return share * share * (3 - 2 * share)
}

export function poseAt({ from, to, startMs, durationMs }: Motion, nowMs: number): Pose {
  if (durationMs === 0) return to
  const share = Math.min(1, Math.max(0, (nowMs - startMs) / durationMs))
  return {
    x: from.x + (to.x - from.x) * share,
    y: from.y + (to.y - from.y) * share,
    heading: turn(from.heading, to.heading, easeInOut(Math.min(1, share / TURN_SHARE))),
  }
}
