/** What becomes of positions that were sent again or late. Pure. */
import { type Fix, judgeLate, type SpeedRule, type Track, Verdict } from './fix.ts'

export interface JudgedBackfill {
  /** Oldest first, one a time. */
  readonly trail: readonly Fix[]
  readonly suspects: readonly Fix[]
  /** The trail ends in the newest good fix that the track knows. */
  readonly isNewest: boolean
}

/** Judges one person's fixes, which come in any order and may repeat themselves, and moves the track on. */
export function judgeBackfill(track: Track, fixes: readonly Fix[], rule: SpeedRule): JudgedBackfill {
  const trail: Fix[] = []
  const suspects: Fix[] = []
  let lastMs = 0
  for (const fix of fixes.toSorted((a, b) => a.timestampMs - b.timestampMs)) {
    if (fix.timestampMs === lastMs) continue
    lastMs = fix.timestampMs
    if (judgeLate(track, fix, rule) === Verdict.SUSPECT) suspects.push(fix)
    else trail.push(fix)
  }
  return { trail, suspects, isNewest: trail.at(-1)?.timestampMs === track.goodMs }
}
