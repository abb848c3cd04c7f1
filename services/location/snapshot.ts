/**
 * What a follower gets before the live positions, and the trails.
 *
 * The caller registers its follower first: what comes while Redis is read is
 * then delivered live, and what came before is in the snapshot.
 */

import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { AGE_MAX_MS, type Fix, FUTURE_MAX_MS } from './fix.ts'
import type { LiveReader, LiveTrail } from './live-reader.ts'
import { mergeTrail, type Trail } from './trail.ts'
import { newest, newestOf, type Trip } from './trip-state.ts'

/** From the history, without suspects; at most `fixesMax`, the newest. Throws UNAVAILABLE. */
export type FindHistory = (
  tripId: string,
  range: { readonly fromMs: number; readonly toMs: number; readonly fixesMax: number },
) => Promise<readonly Fix[]>

/** An hour at one fix a second. */
const MISSED_MAX = 3_600
/** The most that GetTrail answers, and what it reads of a trail with an end in the past. */
export const TRAIL_MAX = 10_000
const TRAIL_READ_MAX = 40_000
/** How far the history reaches: its collection expires. */
export const HISTORY_DAYS = 30
const HISTORY_MS = HISTORY_DAYS * 24 * 3_600_000
/** Joins may come by the thousand, and most need no history. */
const HISTORY_READS_MAX = 16
const HISTORY_READS_WAITING_MAX = 2_000

export interface Snapshot {
  readonly latest: Fix | undefined
  readonly missed: Fix[]
  readonly isComplete: boolean
}

export interface SnapshotReader {
  /** Never throws: where Redis is away there is what this pod remembers, marked as incomplete. */
  read(trip: Trip, sinceMs: number): Promise<Snapshot>
  /** Throws UNAVAILABLE. */
  readTrail(tripId: string, range: { fromMs: number; toMs: number; fixesMax: number }): Promise<Trail>
}

export function createSnapshotReader(
  reader: LiveReader,
  findHistory: FindHistory,
  clock: Clock,
): SnapshotReader {
  let historyReads = 0
  const queue: (() => void)[] = []

  async function readHistory(
    tripId: string,
    range: { fromMs: number; toMs: number; fixesMax: number },
  ): Promise<readonly Fix[]> {
    if (historyReads >= HISTORY_READS_MAX) {
      if (queue.length >= HISTORY_READS_WAITING_MAX) {
        throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'too many histories are being read')
      }
      await new Promise<void>((resolve) => queue.push(resolve))
    } else historyReads++
    try {
      return await findHistory(tripId, range)
    } finally {
      const next = queue.shift()
      if (next === undefined) historyReads--
      else next()
    }
  }

  async function readMissed(trip: Trip, sinceMs: number, remembered: Fix | undefined): Promise<Snapshot> {
    const live = await reader.readTrail(trip.tripId, sinceMs, MISSED_MAX + 1)
    const now = clock.nowMs()
    let isComplete = sinceMs >= now - HISTORY_MS && !live.isCut
    let history: readonly Fix[] = []
    if (!reachesBack(live, sinceMs) && !live.isCut) {
      const toMs = live.firstMs ?? now + FUTURE_MAX_MS
      // One more than wanted shows whether something was cut off.
      const range = { fromMs: sinceMs + 1, toMs, fixesMax: MISSED_MAX + 1 }
      try {
        history = await readHistory(trip.tripId, range)
      } catch {
        // Better a part, marked as such, than no answer.
        isComplete = false
      }
    }
    const wanted = { fromMs: sinceMs + 1, toMs: Infinity, fixesMax: MISSED_MAX }
    const trail = mergeTrail([live.trail, history], wanted)
    const stored = newest([...live.latest, ...trail.fixes.slice(-1)])
    // This pod had seen more than Redis and the history tell: the stores are behind.
    if ((remembered?.timestampMs ?? 0) > (stored?.timestampMs ?? 0)) isComplete = false
    return {
      latest: newest([stored, remembered]),
      missed: trail.fixes,
      isComplete: isComplete && trail.isComplete,
    }
  }

  return {
    async read(trip, sinceMs) {
      // As it was before the stores are read: what this pod sees meanwhile is delivered live.
      const remembered = newestOf(trip)
      try {
        if (sinceMs > 0) return await readMissed(trip, sinceMs, remembered)
        const stored = await reader.findLatest(trip.tripId)
        return { latest: newest([remembered, ...stored]), missed: [], isComplete: true }
      } catch {
        return { latest: remembered, missed: [], isComplete: false }
      }
    },
    async readTrail(tripId, range) {
      const now = clock.nowMs()
      const isOpen = range.toMs >= now
      const entriesMax = isOpen ? range.fixesMax + 1 : TRAIL_READ_MAX
      const wanted = { ...range, fixesMax: range.fixesMax + 1 }
      const [live, history] = await Promise.allSettled([
        reader.readTrail(tripId, range.fromMs - 1, entriesMax),
        readHistory(tripId, wanted),
      ])
      const isLiveWhole =
        live.status === 'fulfilled' && !live.value.isCut && reachesBack(live.value, range.fromMs)
      const isHistoryWhole = history.status === 'fulfilled' && history.value.length <= range.fixesMax
      if (live.status === 'rejected') {
        if (history.status === 'rejected') throw live.reason
        // The history is some seconds behind, and an hour where it has lost touch.
        const trail = mergeTrail([history.value], range)
        return { ...trail, isComplete: trail.isComplete && isHistoryWhole && range.toMs < now - AGE_MAX_MS }
      }
      const found = history.status === 'fulfilled' ? history.value : []
      const trail = mergeTrail([live.value.trail, found], range)
      const isWhole = isLiveWhole || isHistoryWhole
      return {
        fixes: trail.fixes,
        isComplete: trail.isComplete && isWhole && range.fromMs >= now - HISTORY_MS,
      }
    },
  }
}

/** The stream begins before the time, and so holds all that is newer. */
function reachesBack({ firstMs }: LiveTrail, sinceMs: number): boolean {
  return firstMs !== undefined && firstMs <= sinceMs
}
