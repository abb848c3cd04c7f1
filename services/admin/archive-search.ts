/**
 * A search of the archive as MongoDB takes it.
 *
 * Pure.
 */
import type { EventFilter } from './filter.ts'

export interface ArchiveSearch extends EventFilter {
  /** Milliseconds since 1970; 0 for no bound. */
  readonly fromMs: number
  /** Exclusive; 0 for no bound. */
  readonly toMs: number
}

/** Of the documents' `_id`. */
export interface PlaceBounds {
  readonly from?: string
  readonly to?: string
  /** Exclusive: where the last page ended. */
  readonly before?: string
}

const SEVERITY_MAX = 3

type Condition = Readonly<Record<string, unknown>>

function between(bounds: Readonly<Record<string, unknown>>): Condition | undefined {
  const set = Object.entries(bounds).filter(([, value]) => value !== undefined)
  return set.length === 0 ? undefined : Object.fromEntries(set)
}

export function searchFilter(search: ArchiveSearch, { from, to, before }: PlaceBounds): Condition {
  const { types, regions, minSeverity, tripId, userId, alertId, fromMs, toMs } = search
  // Listed rather than compared, so that the index gives each in the order of the log.
  const severities = Array.from({ length: SEVERITY_MAX }, (_, index) => index + 1).filter(
    (severity) => severity >= minSeverity,
  )
  const conditions: Condition = {
    _id: between({ $gte: from, $lte: to, $lt: before }),
    recordedAt: between({
      $gte: fromMs === 0 ? undefined : new Date(fromMs),
      $lt: toMs === 0 ? undefined : new Date(toMs),
    }),
    topics: types.length === 0 ? undefined : { $in: types },
    region: regions.length === 0 ? undefined : { $in: regions },
    severity: minSeverity <= 1 ? undefined : { $in: severities },
    tripId: tripId === '' ? undefined : tripId,
    userId: userId === '' ? undefined : userId,
    alertId: alertId === '' ? undefined : alertId,
  }
  return between(conditions) ?? {}
}
