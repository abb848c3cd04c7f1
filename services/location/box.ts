/** Boxes in degrees, and how Redis is asked for them. Pure. */
import { distanceM } from './fix.ts'
import type { GeoBox } from './live-reader.ts'

/** Where west > east it crosses the date line. */
export interface Box {
  readonly south: number
  readonly west: number
  readonly north: number
  readonly east: number
}

export const EVERYWHERE: Box = { south: -90, west: -180, north: 90, east: 180 }

export function isInside({ south, west, north, east }: Box, lat: number, lng: number): boolean {
  if (lat < south || lat > north) return false
  return west <= east ? lng >= west && lng <= east : lng >= west || lng <= east
}

/** GEOSEARCH measures on the sphere around a centre; past this a box of degrees is too unlike its box of metres. */
const DEGREES_MAX = 10
const LAT_MAX = 75
/** The index holds places rounded to half a metre, up to a second old. */
const MARGIN_M = 500

/** Boxes in metres that cover the box in degrees; undefined where the whole index has to be looked through. */
export function geoBoxes(box: Box): readonly GeoBox[] | undefined {
  if (box.west > box.east) {
    const western = geoBoxes({ ...box, east: 180 })
    const eastern = geoBoxes({ ...box, west: -180 })
    return western === undefined || eastern === undefined ? undefined : [...western, ...eastern]
  }
  const { south, west, north, east } = box
  if (north - south > DEGREES_MAX || east - west > DEGREES_MAX) return undefined
  if (Math.max(Math.abs(south), Math.abs(north)) > LAT_MAX) return undefined
  const lat = (south + north) / 2
  const lng = (west + east) / 2
  // The side nearer to the equator is the longer one.
  const widest = south <= 0 && north >= 0 ? 0 : Math.min(Math.abs(south), Math.abs(north))
  const widthM = distanceM(widest, west, widest, east) + 2 * MARGIN_M
  const heightM = distanceM(south, lng, north, lng) + 2 * MARGIN_M
  return [{ lat, lng, widthM, heightM }]
}
