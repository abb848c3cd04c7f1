/** What a message on the stream LOCATION adds to the history. Pure. */
import { FlushedPositions } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Fix } from './fix.ts'
import { readEntries } from './lane-codec.ts'

export interface HistoryFix {
  readonly tripId: string
  readonly fix: Fix
  /** Kept, and shown to nobody who asks for the trail. */
  readonly isSuspect: boolean
}

/** Throws where the bytes are no message of a pod. */
export function readHistoryFixes(data: Uint8Array): HistoryFix[] {
  const fixes: HistoryFix[] = []
  readEntries(
    data,
    () => true,
    ({ tripId, position }) => void fixes.push({ tripId, fix: position, isSuspect: false }),
  )
  for (const { tripId, position, suspect } of FlushedPositions.decode(data).archived) {
    if (position !== undefined) fixes.push({ tripId, fix: position, isSuspect: suspect })
  }
  return fixes
}

/** One person is at one place at a time, so these three name a position. */
export function nameOf(tripId: string, userId: string, timestampMs: number): string {
  return `${tripId} ${userId} ${timestampMs}`
}

/** Leaves out what is known by name, and repeats. */
export function withoutRepeats(fixes: readonly HistoryFix[], known: ReadonlySet<string>): HistoryFix[] {
  const seen = new Set(known)
  return fixes.filter(({ tripId, fix }) => {
    const name = nameOf(tripId, fix.userId, fix.timestampMs)
    if (seen.has(name)) return false
    seen.add(name)
    return true
  })
}
