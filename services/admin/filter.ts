/**
 * Which events a watcher wants.
 *
 * Pure.
 */
import type { Event, Severity } from '@hushryd/gen/hushryd/admin/v1/event.ts'

/** An empty list or text, and severity 0, ask for nothing in particular. */
export interface EventFilter {
  /** Whole types or their first words. */
  readonly types: readonly string[]
  readonly regions: readonly string[]
  readonly minSeverity: Severity
  readonly tripId: string
  readonly userId: string
  readonly alertId: string
}

/** What of an event filters look at. */
export type EventFacts = Pick<Event, 'type' | 'severity' | 'region' | 'tripId' | 'userId' | 'alertId'>

/** `sos` and `sos.triggered` for `sos.triggered`: everything that a filter may call it by. */
export function topicsOf(type: string): string[] {
  const words = type.split('.')
  return words.map((_, index) => words.slice(0, index + 1).join('.'))
}

function isAbout(wanted: string, given: string): boolean {
  return wanted === '' || wanted === given
}

function isOneOf(wanted: readonly string[], isHit: (one: string) => boolean): boolean {
  return wanted.length === 0 || wanted.some(isHit)
}

export function passes(filter: EventFilter, facts: EventFacts): boolean {
  return (
    facts.severity >= filter.minSeverity &&
    isAbout(filter.tripId, facts.tripId) &&
    isAbout(filter.userId, facts.userId) &&
    isAbout(filter.alertId, facts.alertId) &&
    isOneOf(filter.regions, (region) => region === facts.region) &&
    isOneOf(filter.types, (type) => facts.type === type || facts.type.startsWith(`${type}.`))
  )
}

/** The same for filters that let the same events pass, whatever the order of their lists. */
export function filterKey({ types, regions, minSeverity, tripId, userId, alertId }: EventFilter): string {
  const set = (texts: readonly string[]): string[] => [...new Set(texts)].sort()
  return JSON.stringify([set(types), set(regions), minSeverity, tripId, userId, alertId])
}
