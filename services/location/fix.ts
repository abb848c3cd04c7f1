/**
 * What makes a reported position acceptable, and what makes it believable.
 *
 * Pure: callers supply the time and keep the track, so that every rule can be
 * property-tested without a clock or a store. Runs for each report, so it
 * allocates nothing.
 */
import { ErrorReason } from '@hushryd/kernel/error.ts'

declare const tripIdBrand: unique symbol
export type TripId = string & { readonly [tripIdBrand]: true }

const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/

/** Undefined where the text can be no trip's id: it then names no trip at all. */
export function readTripId(text: string): TripId | undefined {
  return ID_PATTERN.test(text) ? (text as TripId) : undefined
}

/** One fix; the same fields as the contract's Position. */
export interface Fix {
  userId: string
  lat: number
  lng: number
  accuracy: number
  speed: number
  heading: number
  timestampMs: number
}

/** A phone's clock may run ahead of ours by this much. */
export const FUTURE_MAX_MS = 60_000
/** Older fixes tell nothing about where someone is now, and the trail in Redis ends there too. */
export const AGE_MAX_MS = 3_600_000

export type FixRefusal =
  | typeof ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE
  | typeof ErrorReason.ERROR_REASON_POSITION_IN_FUTURE
  | typeof ErrorReason.ERROR_REASON_POSITION_TOO_OLD

/** Undefined where the fix may be taken. Written so that NaN fails. */
export function checkFix(fix: Fix, nowMs: number): FixRefusal | undefined {
  if (!(fix.lat >= -90 && fix.lat <= 90 && fix.lng >= -180 && fix.lng <= 180)) {
    return ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE
  }
  if (!(fix.timestampMs <= nowMs + FUTURE_MAX_MS)) return ErrorReason.ERROR_REASON_POSITION_IN_FUTURE
  if (fix.timestampMs < nowMs - AGE_MAX_MS) return ErrorReason.ERROR_REASON_POSITION_TOO_OLD
  return undefined
}

/** A sensor value that is no number is an unknown one; negative accuracy and speed are Android's "unknown". */
export function cleanFix(fix: Fix): void {
  if (!(fix.accuracy >= 0 && fix.accuracy < Infinity)) fix.accuracy = 0
  if (!(fix.speed >= 0 && fix.speed < Infinity)) fix.speed = 0
  if (!(fix.heading >= 0 && fix.heading <= 360)) fix.heading = 0
  if (!Number.isInteger(fix.timestampMs)) fix.timestampMs = Math.floor(fix.timestampMs)
}

const EARTH_RADIUS_M = 6_371_008.8
const RADIANS = Math.PI / 180

/** Great-circle distance by the haversine formula, on the mean sphere: within 0.5 % of the ellipsoid. */
export function distanceM(latA: number, lngA: number, latB: number, lngB: number): number {
  const sinLat = Math.sin(((latB - latA) * RADIANS) / 2)
  const sinLng = Math.sin(((lngB - lngA) * RADIANS) / 2)
  const h = sinLat * sinLat + Math.cos(latA * RADIANS) * Math.cos(latB * RADIANS) * sinLng * sinLng
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)))
}

export interface SpeedRule {
  /** Faster than any car: 252 km/h. */
  readonly speedMaxMps: number
  /** So many suspects in a row that agree with each other are where the driver really is. */
  readonly reanchorAfter: number
}

/**
 * A fix this near to the last one is never suspect, however soon after it:
 * the noise of a phone's receiver, which at 10 Hz alone would exceed the limit.
 */
export const NOISE_M = 20

/** What the speed rule remembers of one person on one trip. */
export interface Track {
  goodLat: number
  goodLng: number
  /** 0 where there is no good fix yet. */
  goodMs: number
  suspectLat: number
  suspectLng: number
  suspectMs: number
  suspects: number
}

export function emptyTrack(): Track {
  return { goodLat: 0, goodLng: 0, goodMs: 0, suspectLat: 0, suspectLng: 0, suspectMs: 0, suspects: 0 }
}

export const Verdict = {
  /** Newer than the last good one and reachable from it. */
  GOOD: 0,
  /** Newer, but nobody drives that fast: for the history only. */
  SUSPECT: 1,
  /** No newer than what was judged before. */
  OLDER: 2,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

function isReachable(distance: number, elapsedMs: number, rule: SpeedRule): boolean {
  return distance <= NOISE_M || distance <= (rule.speedMaxMps * elapsedMs) / 1000
}

/** Judges a fix against the track and moves the track on. A fix judged twice is OLDER the second time. */
export function judgeFix(track: Track, fix: Fix, rule: SpeedRule): Verdict {
  if (fix.timestampMs <= track.goodMs) return Verdict.OLDER
  if (track.goodMs !== 0) {
    const distance = distanceM(track.goodLat, track.goodLng, fix.lat, fix.lng)
    if (!isReachable(distance, fix.timestampMs - track.goodMs, rule)) return judgeSuspect(track, fix, rule)
  }
  anchor(track, fix)
  return Verdict.GOOD
}

function judgeSuspect(track: Track, fix: Fix, rule: SpeedRule): Verdict {
  if (fix.timestampMs <= track.suspectMs) return Verdict.OLDER
  const agrees =
    track.suspects > 0 &&
    isReachable(
      distanceM(track.suspectLat, track.suspectLng, fix.lat, fix.lng),
      fix.timestampMs - track.suspectMs,
      rule,
    )
  track.suspects = agrees ? track.suspects + 1 : 1
  if (track.suspects >= rule.reanchorAfter) {
    anchor(track, fix)
    return Verdict.GOOD
  }
  track.suspectLat = fix.lat
  track.suspectLng = fix.lng
  track.suspectMs = fix.timestampMs
  return Verdict.SUSPECT
}

/**
 * Judges a fix that may be older than the last good one, as positions sent
 * again are: it has to be reachable from there backwards in time.
 */
export function judgeLate(track: Track, fix: Fix, rule: SpeedRule): Verdict {
  const verdict = judgeFix(track, fix, rule)
  if (verdict !== Verdict.OLDER) return verdict
  const distance = distanceM(track.goodLat, track.goodLng, fix.lat, fix.lng)
  return isReachable(distance, Math.abs(track.goodMs - fix.timestampMs), rule)
    ? Verdict.OLDER
    : Verdict.SUSPECT
}

/** Takes a fix as good without judging it: another pod did. */
export function anchor(track: Track, fix: Fix): void {
  track.goodLat = fix.lat
  track.goodLng = fix.lng
  track.goodMs = fix.timestampMs
  track.suspects = 0
}
