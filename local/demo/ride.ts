/**
 * A recorded ride, and where its vehicle is at a moment of it.
 *
 * Pure: the replay supplies the time.
 */

export interface RidePoint {
  /** Seconds since the ride's first fix. */
  atS: number
  lat: number
  lng: number
}

export interface Ride {
  id: string
  points: RidePoint[]
  durationS: number
}

export interface RidePosition {
  lat: number
  lng: number
  /** Metres a second. */
  speed: number
  /** Degrees clockwise from north. */
  heading: number
}

/** Faster than any car: between two such fixes the receiver jumped, and the replay jumps as it did. */
const JUMP_MPS = 70
const EARTH_RADIUS_M = 6_371_008.8

/** Reads the sample's CSV: trip_id, timestamp (s), lat, lng, speed_mps; the first line is a header. */
export function readRides(csv: string): Ride[] {
  const rows = new Map<string, { timestampS: number; lat: number; lng: number }[]>()
  for (const line of csv.split('\n').slice(1)) {
    if (line.trim() === '') continue
    const [id, timestampS, lat, lng] = line.split(',')
    if (id === undefined || timestampS === undefined || lat === undefined || lng === undefined) {
      throw new Error(`the ride sample has a line with too few columns: ${line}`)
    }
    const fixes = rows.get(id) ?? []
    fixes.push({ timestampS: Number(timestampS), lat: Number(lat), lng: Number(lng) })
    rows.set(id, fixes)
  }
  const rides: Ride[] = []
  for (const [id, fixes] of rows) {
    fixes.sort((a, b) => a.timestampS - b.timestampS)
    const startS = fixes[0]?.timestampS ?? 0
    const points = fixes.map((fix) => ({ atS: fix.timestampS - startS, lat: fix.lat, lng: fix.lng }))
    rides.push({ id, points, durationS: points.at(-1)?.atS ?? 0 })
  }
  return rides.filter((ride) => ride.durationS > 0)
}

/** Where the vehicle is `atS` seconds into the ride: on the line between two fixes, except across a jump. */
export function positionAt(ride: Ride, atS: number): RidePosition {
  const next = ride.points.findIndex((point) => point.atS > atS)
  const after = ride.points[next === -1 ? ride.points.length - 1 : next]
  const before = ride.points[next === -1 ? ride.points.length - 2 : next - 1] ?? after
  if (before === undefined || after === undefined) throw new Error(`ride ${ride.id} has no points`)
  const spanS = after.atS - before.atS
  const legM = distanceM(before, after)
  if (spanS <= 0 || legM / spanS > JUMP_MPS) {
    const at = atS >= after.atS ? after : before
    return { lat: at.lat, lng: at.lng, speed: 0, heading: 0 }
  }
  const share = Math.min(1, Math.max(0, (atS - before.atS) / spanS))
  return {
    lat: before.lat + (after.lat - before.lat) * share,
    lng: before.lng + (after.lng - before.lng) * share,
    speed: Math.round((legM / spanS) * 10) / 10,
    heading: Math.round(bearing(before, after)),
  }
}

function distanceM(from: RidePoint, to: RidePoint): number {
  const rad = Math.PI / 180
  const dLat = (to.lat - from.lat) * rad
  const dLng = (to.lng - from.lng) * rad
  const a =
    Math.sin(dLat / 2) ** 2 + Math.cos(from.lat * rad) * Math.cos(to.lat * rad) * Math.sin(dLng / 2) ** 2
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(a)))
}

function bearing(from: RidePoint, to: RidePoint): number {
  const rad = Math.PI / 180
  const y = Math.sin((to.lng - from.lng) * rad) * Math.cos(to.lat * rad)
  const x =
    Math.cos(from.lat * rad) * Math.sin(to.lat * rad) -
    Math.sin(from.lat * rad) * Math.cos(to.lat * rad) * Math.cos((to.lng - from.lng) * rad)
  return (Math.atan2(y, x) / rad + 360) % 360
}
