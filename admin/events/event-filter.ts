/** What a person types into the filter, and what the server is asked. Pure. */
import type { Severity } from '../generated/types.ts'
import type { EventFilter } from './event-watch.ts'

export interface FilterFields {
  readonly type: string
  readonly region: string
  readonly tripId: string
  readonly userId: string
  readonly severity: Severity
}

export const EMPTY_FIELDS: FilterFields = {
  type: '',
  region: '',
  tripId: '',
  userId: '',
  severity: 'SEVERITY_UNSPECIFIED',
}

function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '')
}

/** Types as people write them, `sos.*` or `SOS`, are those that the log knows. */
function typesOf(text: string): string[] {
  return listOf(text.toLowerCase()).map((type) => type.replace(/\.\*?$/, ''))
}

export function filterOf({ type, region, tripId, userId, severity }: FilterFields): EventFilter {
  return {
    types: typesOf(type),
    regions: region.split(',').flatMap((part) => part.trim() || []),
    tripId: tripId.trim(),
    userId: userId.trim(),
    minSeverity: severity,
  }
}

export function fieldsOf(filter: EventFilter): FilterFields {
  return {
    type: (filter.types ?? []).join(', '),
    region: (filter.regions ?? []).join(', '),
    tripId: filter.tripId ?? '',
    userId: filter.userId ?? '',
    severity: filter.minSeverity ?? 'SEVERITY_UNSPECIFIED',
  }
}
