/** Puts a trip's track together from what Redis and the history hold. Pure. */
import type { Fix } from './fix.ts'

export interface Trail {
  /** Oldest first, one a person and time. */
  readonly fixes: Fix[]
  /** False where a part is gone or was cut off. */
  readonly isComplete: boolean
}

export interface TrailRange {
  readonly fromMs: number
  readonly toMs: number
  /** The newest are kept. */
  readonly fixesMax: number
}

/** Sources may overlap, repeat themselves and be in any order. */
export function mergeTrail(
  sources: readonly (readonly Fix[])[],
  { fromMs, toMs, fixesMax }: TrailRange,
): Trail {
  const seen = new Set<string>()
  const fixes: Fix[] = []
  for (const source of sources) {
    for (const fix of source) {
      if (fix.timestampMs < fromMs || fix.timestampMs > toMs) continue
      const name = `${fix.timestampMs}|${fix.userId}`
      if (seen.has(name)) continue
      seen.add(name)
      fixes.push(fix)
    }
  }
  fixes.sort((a, b) => a.timestampMs - b.timestampMs || (a.userId < b.userId ? -1 : 1))
  const isCut = fixes.length > fixesMax
  return { fixes: isCut ? fixes.slice(-fixesMax) : fixes, isComplete: !isCut }
}
