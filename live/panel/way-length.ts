/** How long a trail is, for people. */
import { distanceM } from '../fleet/geo.ts'
import type { TrailPoint } from '../fleet/trail.ts'

export function lengthText(points: readonly TrailPoint[]): string {
  let metres = 0
  for (const [index, point] of points.entries()) {
    const before = points[index - 1]
    if (before !== undefined && !point.isBreak) metres += distanceM(before, point)
  }
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`
}
