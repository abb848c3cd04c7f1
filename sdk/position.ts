/** A position as an app reports it, and as it goes over the wire. */

export interface ReportedPosition {
  /** Degrees north. */
  readonly lat: number
  /** Degrees east. */
  readonly lng: number
  /** Radius of the fix in metres. Geolocation says null where something is unknown; so may you. */
  readonly accuracy?: number | null | undefined
  /** Metres a second. */
  readonly speed?: number | null | undefined
  /** Degrees clockwise from north. */
  readonly heading?: number | null | undefined
  /** When the fix was taken, milliseconds since 1970; now where it is left out. */
  readonly timestampMs?: number | undefined
}

export interface TripPosition {
  readonly tripId: string
  readonly lat: number
  readonly lng: number
  readonly accuracy: number
  readonly speed: number
  readonly heading: number
  readonly timestampMs: number
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/

/** Throws where no edge would take it: one bad position would hold up those behind it. */
export function tripPosition(tripId: string, position: ReportedPosition, nowMs: number): TripPosition {
  checkTripId(tripId)
  const { lat, lng, accuracy, speed, heading, timestampMs = nowMs } = position
  if (!isWithin(lat, 90) || !isWithin(lng, 180)) throw new RangeError('lat or lng is out of range.')
  if (!Number.isFinite(timestampMs)) throw new RangeError('timestampMs is no time.')
  return {
    tripId,
    lat,
    lng,
    accuracy: known(accuracy),
    speed: known(speed),
    heading: known(heading),
    timestampMs: Math.round(timestampMs),
  }
}

export function checkTripId(tripId: string): void {
  if (!ID.test(tripId)) throw new RangeError('tripId is no id.')
}

export function isWithin(degrees: number, max: number): boolean {
  return Number.isFinite(degrees) && Math.abs(degrees) <= max
}

/** The protocol's word for unknown is 0. */
function known(value: number | null | undefined): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
