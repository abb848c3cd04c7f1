/** An alert as it lies in MongoDB. */
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import type { Alert, AlertId } from './alert.ts'

export interface AlertDocument
  extends Omit<Alert, 'alertId' | 'location' | 'receivedMs' | 'nextEscalationMs'> {
  /** The alert's id, made by the phone: a second insert of it is refused. */
  readonly _id: AlertId
  /** Of the group commit by which it came here; names the open batch while legs are open. */
  readonly batchId: string
  readonly location?: { readonly type: 'Point'; readonly coordinates: readonly [number, number] }
  readonly accuracy?: number
  readonly triggeredAt: Date
  /** Absent once the alert is closed. */
  readonly nextEscalationAt?: Date
}

/** The document's own fields, without what finds it. */
export type AlertFields = Omit<AlertDocument, '_id' | 'batchId'>

const text = { bsonType: 'string' }
const number = { bsonType: 'number' }
const count = { bsonType: ['int', 'long', 'double'], minimum: 0 }

export const alertsSpec: CollectionSpec = {
  name: 'sos_alerts',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'batchId', 'userId', 'status', 'triggeredAt', 'audit', 'version'],
      additionalProperties: false,
      properties: {
        _id: text,
        batchId: text,
        userId: text,
        role: text,
        tripId: text,
        bookingId: text,
        location: { bsonType: 'object', required: ['type', 'coordinates'] },
        accuracy: number,
        triggeredAt: { bsonType: 'date' },
        status: { enum: ['ACTIVE', 'RESPONDING', 'RESOLVED', 'CANCELLED'] },
        acknowledgedBy: text,
        acknowledgedMs: count,
        closedMs: count,
        notes: text,
        duressMs: count,
        escalations: count,
        nextEscalationAt: { bsonType: 'date' },
        hasNoContacts: { bsonType: 'bool' },
        contacts: { bsonType: 'array' },
        audit: { bsonType: 'array', minItems: 1 },
        version: { bsonType: ['int', 'long', 'double'], minimum: 1 },
      },
    },
  },
  indexes: [
    // Open alerts and nothing else: what is closed has no next escalation.
    {
      name: 'open',
      key: { nextEscalationAt: 1 },
      partialFilterExpression: { nextEscalationAt: { $exists: true } },
    },
    { name: 'newest', key: { triggeredAt: -1, _id: -1 } },
    { name: 'user', key: { userId: 1, triggeredAt: -1 } },
    { name: 'trip', key: { tripId: 1, triggeredAt: -1 }, partialFilterExpression: { tripId: { $gt: '' } } },
  ],
}

export function toFields(alert: Alert): AlertFields {
  const { alertId: _alertId, location, receivedMs, nextEscalationMs, ...rest } = alert
  return {
    ...rest,
    triggeredAt: new Date(receivedMs),
    ...(location === undefined
      ? {}
      : {
          location: { type: 'Point', coordinates: [location.lng, location.lat] },
          accuracy: location.accuracy,
        }),
    ...(nextEscalationMs === undefined ? {} : { nextEscalationAt: new Date(nextEscalationMs) }),
  }
}

export function fromDocument(document: AlertDocument): Alert {
  const { _id, batchId: _batchId, location, accuracy = 0, triggeredAt, nextEscalationAt, ...rest } = document
  const [lng = 0, lat = 0] = location?.coordinates ?? []
  return {
    ...rest,
    alertId: _id,
    location: location === undefined ? undefined : { lat, lng, accuracy },
    receivedMs: triggeredAt.getTime(),
    nextEscalationMs: nextEscalationAt?.getTime(),
  }
}
