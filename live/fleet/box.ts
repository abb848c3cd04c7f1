/** The part of the world that the page watches. Pure. */

/** Degrees; west > east crosses the date line. */
export interface Box {
  readonly south: number
  readonly west: number
  readonly north: number
  readonly east: number
}

/** Asked for on each side beyond what is visible, as a share of it: small moves then need no new call. */
const PADDING = 0.3
/** A watched box this many times wider than the screen brings too much that nobody sees. */
const WASTE_MAX = 4

function widthOf({ west, east }: Box): number {
  return east >= west ? east - west : east - west + 360
}

function wrap(lng: number): number {
  return ((((lng + 180) % 360) + 360) % 360) - 180
}

/** The visible box with a margin; `west` and `east` of the visible one may lie beyond ±180, as a map gives them. */
export function paddedBox({ south, west, north, east }: Box): Box {
  const dLat = (north - south) * PADDING
  const dLng = (east - west) * PADDING
  const isWholeWorld = east - west + 2 * dLng >= 360
  return {
    south: Math.max(-90, south - dLat),
    north: Math.min(90, north + dLat),
    west: isWholeWorld ? -180 : wrap(west - dLng),
    east: isWholeWorld ? 180 : wrap(east + dLng),
  }
}

export function needsNewBox(watched: Box, visible: Box): boolean {
  if (visible.south < watched.south || visible.north > watched.north) return true
  const width = widthOf(watched)
  if (width < 360) {
    const offset = wrap(visible.west - watched.west)
    if (offset < 0 || offset + (visible.east - visible.west) > width) return true
  }
  return width > (visible.east - visible.west) * WASTE_MAX
}
