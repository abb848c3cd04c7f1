/**
 * The recorded rides of the demo as lines for the map's background, made when
 * the page is built: where many rides went, streets emerge.
 */

import type { Ride } from '../../local/demo/ride.ts'
import { isJump } from '../fleet/geo.ts'

type Coordinates = [lng: number, lat: number]

export interface RideLines {
  readonly type: 'MultiLineString'
  readonly coordinates: readonly (readonly Coordinates[])[]
}

/** Four decimals are 11 m: nobody sees less on a background. */
function round(degrees: number): number {
  return Math.round(degrees * 10_000) / 10_000
}

/** One line a ride, cut where the receiver jumped. */
export function rideLines(rides: readonly Ride[]): RideLines {
  const coordinates: Coordinates[][] = []
  for (const { points } of rides) {
    let line: Coordinates[] = []
    for (const [index, point] of points.entries()) {
      const before = points[index - 1]
      if (before !== undefined && isJump(before, point, (point.atS - before.atS) * 1000)) {
        coordinates.push(line)
        line = []
      }
      const at: Coordinates = [round(point.lng), round(point.lat)]
      const last = line.at(-1)
      if (last === undefined || last[0] !== at[0] || last[1] !== at[1]) line.push(at)
    }
    coordinates.push(line)
  }
  return { type: 'MultiLineString', coordinates: coordinates.filter((line) => line.length > 1) }
}
