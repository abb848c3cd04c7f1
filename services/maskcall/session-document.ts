/** A mask session as MongoDB holds it. Nothing in it says who a person is: numbers sealed, claims digested. */
import { SEALED_PATTERN } from '@hushryd/kernel/sealed-field.ts'
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import type { MaskSession } from './session.ts'

/** Only what is searched for by time has MongoDB's own type. */
export interface SessionDocument
  extends Omit<MaskSession, 'id' | 'sealed' | 'openedMs' | 'dueMs' | 'line' | 'endedMs' | 'endReason'> {
  readonly _id: string
  /** Its claims count: until it is released. */
  readonly isHeld: boolean
  readonly openedAt: Date
  readonly dueAt?: Date
  readonly endedMs?: number
  readonly endReason?: string
  readonly keyId?: string
  readonly sealedDriver?: string
  readonly sealedPassenger?: string
  readonly lineCallId?: string
  readonly lineUntilMs?: number
}

const KEPT_S = 90 * 24 * 60 * 60
const text = { bsonType: 'string' }
const texts = { bsonType: 'array', items: text }
const number = { bsonType: ['int', 'long', 'double'] }
const sealed = { bsonType: 'string', pattern: SEALED_PATTERN }

export const sessionsSpec: CollectionSpec = {
  name: 'mask_sessions',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: [
        '_id',
        'tripId',
        'driverId',
        'passengerId',
        'numbers',
        'claims',
        'state',
        'isHeld',
        'openedAt',
      ],
      additionalProperties: false,
      properties: {
        _id: text,
        tripId: text,
        driverId: text,
        passengerId: text,
        numbers: {
          bsonType: 'array',
          items: {
            bsonType: 'object',
            required: ['provider', 'number'],
            properties: { provider: text, number: text },
          },
        },
        claims: texts,
        driverClaims: texts,
        keyId: text,
        sealedDriver: sealed,
        sealedPassenger: sealed,
        consents: { bsonType: 'object', properties: { driver: number, passenger: number } },
        state: { enum: ['active', 'ended', 'released'] },
        isHeld: { bsonType: 'bool' },
        openedAt: { bsonType: 'date' },
        expiresMs: number,
        endedMs: number,
        endReason: { enum: ['trip', 'request', 'expired', 'replaced'] },
        dueAt: { bsonType: 'date' },
        lineCallId: text,
        lineUntilMs: number,
      },
    },
  },
  indexes: [
    // What keeps two sessions apart, whatever several processes do at once. An
    // array's values are each an entry, so one insert claims all of them or none.
    {
      name: 'claims',
      key: { claims: 1 },
      unique: true,
      partialFilterExpression: { isHeld: true },
    },
    {
      name: 'one_live_session',
      key: { tripId: 1, passengerId: 1 },
      unique: true,
      partialFilterExpression: { state: 'active' },
    },
    { name: 'live', key: { openedAt: -1, _id: -1 }, partialFilterExpression: { state: 'active' } },
    { name: 'due', key: { dueAt: 1 }, partialFilterExpression: { dueAt: { $exists: true } } },
    { name: 'keyId', key: { keyId: 1 }, partialFilterExpression: { keyId: { $exists: true } } },
    { name: 'expiry', key: { openedAt: 1 }, expireAfterSeconds: KEPT_S },
  ],
}

export function toDocument(session: MaskSession): SessionDocument {
  const { id, sealed: numbers, openedMs, dueMs, line, endedMs, endReason, ...rest } = session
  return {
    _id: id,
    ...rest,
    isHeld: session.state !== 'released',
    openedAt: new Date(openedMs),
    ...(dueMs === undefined ? {} : { dueAt: new Date(dueMs) }),
    ...(endedMs === undefined ? {} : { endedMs }),
    ...(endReason === undefined ? {} : { endReason }),
    ...(numbers === undefined
      ? {}
      : { keyId: numbers.keyId, sealedDriver: numbers.driver, sealedPassenger: numbers.passenger }),
    ...(line === undefined ? {} : { lineCallId: line.callId, lineUntilMs: line.untilMs }),
  }
}

export function fromDocument(document: SessionDocument): MaskSession {
  const {
    _id,
    isHeld: _isHeld,
    openedAt,
    dueAt,
    keyId,
    sealedDriver,
    sealedPassenger,
    lineCallId,
    lineUntilMs,
    endReason,
    endedMs,
    ...rest
  } = document
  return {
    ...rest,
    id: _id,
    openedMs: openedAt.getTime(),
    dueMs: dueAt?.getTime(),
    endedMs,
    // The validator lets nothing else in.
    endReason: endReason as MaskSession['endReason'],
    sealed:
      keyId === undefined || sealedDriver === undefined || sealedPassenger === undefined
        ? undefined
        : { keyId, driver: sealedDriver, passenger: sealedPassenger },
    line:
      lineCallId === undefined || lineUntilMs === undefined
        ? undefined
        : { callId: lineCallId, untilMs: lineUntilMs },
  }
}
