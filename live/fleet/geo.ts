/** The little geometry that the page needs. Pure. */

export interface Place {
  /** Degrees. */
  readonly lat: number
  readonly lng: number
}

/** A place on the square of the Web Mercator map: both from 0 to 1, y southward. */
export interface Point {
  readonly x: number
  readonly y: number
}

const RADIAN = Math.PI / 180
const EARTH_RADIUS_M = 6_371_008.8
/** Where Web Mercator ends. */
const LATITUDE_MAX = 85.051129
/** Faster than any car: between two such fixes the receiver jumped. */
const JUMP_MPS = 70

export function toPoint({ lat, lng }: Place): Point {
  const bounded = Math.min(LATITUDE_MAX, Math.max(-LATITUDE_MAX, lat))
  return {
    x: (lng + 180) / 360,
    y: (1 - Math.asinh(Math.tan(bounded * RADIAN)) / Math.PI) / 2,
  }
}

export function toPlace({ x, y }: Point): Place {
  return { lng: x * 360 - 180, lat: Math.atan(Math.sinh((1 - 2 * y) * Math.PI)) / RADIAN }
}

export function distanceM(from: Place, to: Place): number {
  const dLat = (to.lat - from.lat) * RADIAN
  const dLng = (to.lng - from.lng) * RADIAN
  const a =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(from.lat * RADIAN) * Math.cos(to.lat * RADIAN) * Math.sin(dLng / 2) ** 2
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(a)))
}

export function isJump(from: Place, to: Place, durationMs: number): boolean {
  return distanceM(from, to) > (JUMP_MPS * Math.max(durationMs, 1000)) / 1000
}

/** From one heading to another the short way round; `share` from 0 to 1. */
export function turn(from: number, to: number, share: number): number {
  const difference = ((to - from + 540) % 360) - 180
  return (from + difference * share + 360) % 360
}
