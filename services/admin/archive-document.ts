/**
 * The collection admin_events: an event a document, under its place in the log.
 *
 * The event itself is kept as the bytes that its service wrote; beside it
 * stands what it is searched by.
 */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import { Binary, type IndexDescription } from 'mongodb'
import { topicsOf } from './filter.ts'
import type { LogRecord } from './log-stream.ts'

export interface ArchiveDocument {
  /** Of placeOf: its order is the order of events, over logs that came one after the other. */
  readonly _id: string
  readonly recordedAt: Date
  readonly topics: readonly string[]
  readonly severity: number
  readonly tripId?: string
  readonly userId?: string
  readonly alertId?: string
  readonly region?: string
  readonly event: Binary
}

const SECONDS_A_DAY = 86_400
const DIGITS = 16
const PLACE = /^[0-9a-z]+\.\d{16}$/

/** Sorts as text; `logId` grows with the time at which a log was made. */
export function placeOf(logId: string, sequence: number): string {
  return `${logId}.${String(sequence).padStart(DIGITS, '0')}`
}

export function isPlace(text: string): boolean {
  return PLACE.test(text)
}

export function sequenceOf(place: string): number {
  return Number(place.slice(-DIGITS))
}

/** Each in the order of the log, so that no search sorts. */
function searchBy(field: keyof ArchiveDocument): IndexDescription {
  return {
    name: field,
    key: { [field]: 1, _id: 1 },
    ...(field === 'topics' || field === 'severity'
      ? {}
      : { partialFilterExpression: { [field]: { $exists: true } } }),
  }
}

export const RECORDED_INDEX = 'recordedAt'

export function archiveSpec(keptDays: number): CollectionSpec {
  const text = { bsonType: 'string' }
  return {
    name: 'admin_events',
    validator: {
      $jsonSchema: {
        bsonType: 'object',
        required: ['_id', 'recordedAt', 'topics', 'severity', 'event'],
        additionalProperties: false,
        properties: {
          _id: { bsonType: 'string', pattern: PLACE.source },
          recordedAt: { bsonType: 'date' },
          topics: { bsonType: 'array', minItems: 1, items: text },
          severity: { bsonType: 'int' },
          tripId: text,
          userId: text,
          alertId: text,
          region: text,
          event: { bsonType: 'binData' },
        },
      },
    },
    indexes: [
      searchBy('topics'),
      searchBy('severity'),
      searchBy('tripId'),
      searchBy('userId'),
      searchBy('alertId'),
      searchBy('region'),
      { name: RECORDED_INDEX, key: { recordedAt: 1 }, expireAfterSeconds: keptDays * SECONDS_A_DAY },
    ],
  }
}

/** Undefined for what is no event. */
export function readDocument(
  logId: string,
  { sequence, recordedAtMs, data }: LogRecord,
): ArchiveDocument | undefined {
  let event: Event
  try {
    event = Event.decode(data)
  } catch {
    return undefined
  }
  const { type, severity, tripId, userId, alertId, region } = event
  return {
    _id: placeOf(logId, sequence),
    recordedAt: new Date(recordedAtMs),
    topics: topicsOf(type),
    severity,
    ...(tripId === '' ? {} : { tripId }),
    ...(userId === '' ? {} : { userId }),
    ...(alertId === '' ? {} : { alertId }),
    ...(region === '' ? {} : { region }),
    event: new Binary(data),
  }
}
