/** A call as MongoDB holds it: roles, times and results, never a number. */
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import type { Call } from './call.ts'
import type { Announcement, CallRecord } from './call-record.ts'

export interface CallDocument extends Omit<Call, 'id' | 'provider' | 'closed' | 'closedMs' | 'startedMs'> {
  readonly _id: string
  readonly version: number
  readonly startedAt: Date
  readonly provider?: string
  readonly closed?: string
  readonly closedMs?: number
  readonly raised: readonly Announcement[]
  readonly untold: readonly Announcement[]
  readonly lostMs: number
  /** When the sweep has to look at it; absent once it is over and told. */
  readonly dueAt?: Date
}

/** As long as a dispute may take. */
const KEPT_S = 365 * 24 * 60 * 60
const text = { bsonType: 'string' }
const number = { bsonType: ['int', 'long', 'double'] }
const announcements = { bsonType: 'array', items: { enum: ['started', 'ended'] } }
const leg = {
  bsonType: 'object',
  additionalProperties: false,
  properties: {
    rangMs: number,
    answeredMs: number,
    end: { enum: ['completed', 'busy', 'no_answer', 'failed', 'cancelled'] },
    endedMs: number,
  },
}

export const callsSpec: CollectionSpec = {
  name: 'call_logs',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'version', 'sessionId', 'tripId', 'caller', 'origin', 'legs', 'startedAt', 'untold'],
      additionalProperties: false,
      properties: {
        _id: text,
        version: number,
        sessionId: text,
        tripId: text,
        driverId: text,
        passengerId: text,
        origin: { enum: ['app', 'phone'] },
        caller: { enum: ['driver', 'passenger'] },
        provider: { enum: ['twilio', 'exotel'] },
        startedAt: { bsonType: 'date' },
        legs: {
          bsonType: 'object',
          additionalProperties: false,
          required: ['caller', 'callee'],
          properties: { caller: leg, callee: leg },
        },
        talkS: number,
        recordingRef: text,
        closed: { enum: ['not_placed', 'lost'] },
        closedMs: number,
        raised: announcements,
        untold: announcements,
        lostMs: number,
        dueAt: { bsonType: 'date' },
      },
    },
  },
  indexes: [
    { name: 'trip', key: { tripId: 1, startedAt: -1, _id: -1 } },
    { name: 'due', key: { dueAt: 1 }, partialFilterExpression: { dueAt: { $exists: true } } },
    { name: 'expiry', key: { startedAt: 1 }, expireAfterSeconds: KEPT_S },
  ],
}

export function toDocument(record: CallRecord): CallDocument {
  const { call, version, raised, untold, lostMs, dueMs } = record
  const { id, provider, closed, closedMs, startedMs, ...rest } = call
  return {
    _id: id,
    ...rest,
    version,
    raised,
    untold,
    lostMs,
    startedAt: new Date(startedMs),
    ...(provider === undefined ? {} : { provider }),
    ...(closed === undefined ? {} : { closed }),
    ...(closedMs === undefined ? {} : { closedMs }),
    ...(dueMs === undefined ? {} : { dueAt: new Date(dueMs) }),
  }
}

export function fromDocument(document: CallDocument): CallRecord {
  const { _id, version, raised, untold, lostMs, startedAt, dueAt, provider, closed, closedMs, ...rest } =
    document
  return {
    version,
    raised,
    untold,
    lostMs,
    dueMs: dueAt?.getTime(),
    call: {
      ...rest,
      id: _id,
      startedMs: startedAt.getTime(),
      // The validator lets nothing else in.
      provider: provider as Call['provider'],
      closed: closed as Call['closed'],
      closedMs,
    },
  }
}
