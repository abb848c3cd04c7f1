/** A notification as MongoDB holds it. Nothing in it says who a person is: addresses masked, variables sealed. */
import { SEALED_PATTERN } from '@hushryd/kernel/sealed-field.ts'
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import type { Notification } from './notification.ts'

/** Only what is searched for by time has MongoDB's own type. */
export interface NotificationDocument extends Omit<Notification, 'id' | 'contact' | 'dueMs'> {
  readonly _id: string
  readonly acceptedAt: Date
  readonly contact?: number
  readonly dueAt?: Date
  /** Of the newest replacement: how its writer knows it again. */
  readonly stamp?: string
}

const KEPT_S = 90 * 24 * 60 * 60
const text = { bsonType: 'string' }
const number = { bsonType: ['int', 'long', 'double'] }
const count = { bsonType: ['int', 'long', 'double'], minimum: 0 }
const texts = { bsonType: 'array', items: text }

const attempt = {
  bsonType: 'object',
  required: ['number', 'run', 'round', 'channel', 'provider', 'status', 'startedMs', 'maskedRecipient'],
  properties: {
    number: { ...count, minimum: 1 },
    channel: { enum: ['sms', 'whatsapp', 'push', 'email'] },
    provider: text,
    status: { enum: ['started', 'accepted', 'delivered', 'read', 'not_sent', 'no_receipt'] },
    providerId: text,
    // Whole numbers and addresses are refused, also from a wrong program.
    maskedRecipient: { bsonType: 'string', pattern: '[*…]' },
  },
}

export const notificationsSpec: CollectionSpec = {
  name: 'notifications',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'version', 'recipients', 'channels', 'priority', 'state', 'attempts', 'acceptedAt'],
      additionalProperties: false,
      properties: {
        _id: text,
        version: count,
        recipients: { enum: ['user', 'emergency_contacts', 'on_call', 'direct'] },
        userId: text,
        contact: count,
        channels: texts,
        standIns: texts,
        template: text,
        templateVersion: count,
        sealedData: { bsonType: 'string', pattern: `${SEALED_PATTERN}|^$` },
        priority: { enum: ['high', 'normal', 'low'] },
        idempotencyKey: text,
        reportTo: text,
        correlationId: text,
        acceptedMs: number,
        acceptedAt: { bsonType: 'date' },
        startMs: number,
        state: { enum: ['queued', 'sent', 'delivered', 'failed', 'expanded'] },
        run: count,
        round: count,
        roundMs: number,
        isLate: { bsonType: 'bool' },
        attempts: { bsonType: 'array', items: attempt },
        dueAt: { bsonType: 'date' },
        stamp: text,
        lease: text,
        failure: text,
        childIds: texts,
        announcements: { bsonType: 'array' },
      },
    },
  },
  // The id follows from the idempotency key, so that its own index keeps the key unique, on shards too.
  indexes: [
    // Holds only what is under way: what is at rest has no dueAt.
    {
      name: 'due',
      key: { priority: 1, dueAt: 1 },
      partialFilterExpression: { dueAt: { $exists: true } },
    },
    {
      name: 'provider_id',
      key: { 'attempts.providerId': 1 },
      partialFilterExpression: { 'attempts.providerId': { $exists: true } },
    },
    {
      name: 'given_up',
      key: { acceptedAt: -1, _id: -1 },
      partialFilterExpression: { state: 'failed' },
    },
    { name: 'expiry', key: { acceptedAt: 1 }, expireAfterSeconds: KEPT_S },
  ],
}

export function toDocument({ id, contact, dueMs, ...rest }: Notification): NotificationDocument {
  return {
    _id: id,
    ...rest,
    acceptedAt: new Date(rest.acceptedMs),
    ...(contact === undefined ? {} : { contact }),
    ...(dueMs === undefined ? {} : { dueAt: new Date(dueMs) }),
  }
}

export function fromDocument(document: NotificationDocument): Notification {
  const { _id, acceptedAt: _acceptedAt, contact, dueAt, stamp: _stamp, ...rest } = document
  return { ...rest, id: _id, contact, dueMs: dueAt?.getTime() }
}
