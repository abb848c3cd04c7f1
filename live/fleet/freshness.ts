/** How old a position is, for the eye. Pure. */

/** A driver's app reports each second: up to here nothing is late. */
const FRESH_MS = 5_000
/** From here on the position is stale, as it is for the server's `trip.stale`. */
export const STALE_MS = 30_000

/** 1 for a position of now, falling to 0 for a stale one. */
export function freshnessOf(ageMs: number): number {
  return Math.min(1, Math.max(0, (STALE_MS - ageMs) / (STALE_MS - FRESH_MS)))
}

export function ageText(ageMs: number): string {
  const seconds = Math.max(0, Math.round(ageMs / 1000))
  if (seconds < 2) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`
}

const POINTS = ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west']

export function compassText(heading: number): string {
  return POINTS[Math.round(heading / 45) % POINTS.length] ?? ''
}

/** Whole km/h, as people read speeds. */
export function speedText(metresPerSecond: number): string {
  return `${Math.round(metresPerSecond * 3.6)} km/h`
}
