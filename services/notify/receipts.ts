/**
 * What providers report about messages that they took.
 *
 * A receipt may be faster than the record of the hand-over that it is about:
 * such an early one is kept, and looked for before a message without receipt
 * moves on. What cannot be put on record now waits in JetStream. A receipt that
 * comes again, or is played back by someone, changes nothing: an attempt's
 * status only rises.
 */
import { ReceivedReceipt as QueuedReceipt } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, MongoServerError } from 'mongodb'
import type { NotifyEvents } from './events.ts'
import type { Notification } from './notification.ts'
import type { DeliveryReceipt, ProviderName } from './provider.ts'
import { isUnavailable, type RecordStore } from './record-store.ts'
import type { Records } from './records.ts'
import { receiptSubject } from './streams.ts'
import type { Suppressions } from './suppressions.ts'
import { applyReceipt } from './transitions.ts'

export interface Receipt extends DeliveryReceipt {
  readonly eventId: string
}

export interface EarlyDocument {
  readonly _id: string
  readonly provider: ProviderName
  readonly providerId: string
  readonly status: DeliveryReceipt['status']
  readonly errorCode: string
  readonly atMs: number
  readonly receivedAt: Date
}

const EARLY_KEPT_S = 24 * 60 * 60

export const earlyReceiptsSpec: CollectionSpec = {
  name: 'notification_receipts',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'provider', 'providerId', 'status', 'atMs', 'receivedAt'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string' },
        provider: { bsonType: 'string' },
        providerId: { bsonType: 'string' },
        status: { enum: ['sent', 'delivered', 'read', 'failed', 'bounced'] },
        errorCode: { bsonType: 'string' },
        atMs: { bsonType: ['int', 'long', 'double'] },
        receivedAt: { bsonType: 'date' },
      },
    },
  },
  indexes: [
    { name: 'provider_id', key: { providerId: 1 } },
    { name: 'expiry', key: { receivedAt: 1 }, expireAfterSeconds: EARLY_KEPT_S },
  ],
}

export interface ReceiptsParts {
  readonly records: Records
  readonly store: RecordStore
  readonly early: Collection<EarlyDocument>
  readonly suppressions: Suppressions
  readonly publisher: JetStreamPublisher
  readonly events: NotifyEvents
  readonly namespace: string
  readonly nowMs: () => number
}

const DUPLICATE_KEY = 11_000

export class Receipts {
  readonly #parts: ReceiptsParts

  constructor(parts: ReceiptsParts) {
    this.#parts = parts
  }

  /** Resolves when it is on record or waits safely; UNAVAILABLE where neither is possible. */
  async take(receipt: Receipt): Promise<void> {
    const { publisher, namespace } = this.#parts
    try {
      await this.apply(receipt)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      const { provider, eventId } = receipt
      await publisher.publish(
        receiptSubject(namespace),
        QueuedReceipt.encode(QueuedReceipt.fromPartial({ ...receipt, at: receipt.atMs })).finish(),
        { msgId: `${provider}:${eventId}` },
      )
    }
  }

  /** Puts it on record; UNAVAILABLE where MongoDB is away. */
  async apply(receipt: Receipt): Promise<void> {
    const { records, events } = this.#parts
    // It says no more than the provider's answer has said.
    if (receipt.status === 'sent') return
    const { provider, providerId } = receipt
    const found = await records.findByProviderId(provider, providerId)
    if (found !== undefined) {
      await this.#applyTo(found, receipt)
      return
    }
    await this.#keepEarly(receipt)
    // The hand-over may have come on record while the receipt was put aside.
    const late = await records.findByProviderId(provider, providerId)
    if (late === undefined) events.received(provider, 'early')
    else await this.#applyTo(late, receipt)
  }

  async #applyTo(notification: Notification, receipt: Receipt): Promise<Notification> {
    const { records, suppressions, events } = this.#parts
    const { provider, providerId, status, atMs } = receipt
    let isNews = false
    const current = await records.change(notification, (latest) => {
      const number = findNumber(latest, receipt)
      const next = number === undefined ? undefined : applyReceipt(latest, number, receipt)
      isNews = next !== undefined
      return next
    })
    const attempt = current.attempts.find(
      (candidate) => candidate.provider === provider && candidate.providerId === providerId,
    )
    if (!isNews || attempt === undefined || status === 'sent') {
      events.received(provider, 'repeated')
      return current
    }
    events.received(provider, status)
    if (status === 'bounced')
      await suppressions.add(attempt.channel, attempt.recipientHash, attempt.code ?? '')
    if (status === 'delivered') {
      events.arrived(current, attempt, atMs)
      events.ended(current, 'delivered')
    }
    return current
  }

  async #keepEarly({ provider, providerId, eventId, status, errorCode = '', atMs }: Receipt): Promise<void> {
    const { store, early, nowMs } = this.#parts
    const document = {
      _id: `${provider}:${eventId}`,
      provider,
      providerId,
      status,
      errorCode,
      atMs,
      receivedAt: new Date(nowMs()),
    }
    await store.run(async () => {
      try {
        await early.insertOne(document)
      } catch (error) {
        if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error
      }
    })
  }

  /** Looks for receipts that were early, before attempts whose time is over count as failed. */
  async applyEarly(notification: Notification, nowMs: number): Promise<Notification> {
    const { store, early } = this.#parts
    const overdue = notification.attempts.filter(
      ({ status, awaitsReceipt, deadlineMs }) =>
        status === 'accepted' && awaitsReceipt && deadlineMs <= nowMs,
    )
    const ids = overdue.flatMap(({ providerId }) => providerId ?? [])
    if (ids.length === 0) return notification
    let found: EarlyDocument[]
    try {
      found = await store.run(() => early.find({ providerId: { $in: ids } }).toArray())
    } catch (error) {
      if (isUnavailable(error)) return notification
      throw error
    }
    let current = notification
    for (const { _id, receivedAt: _receivedAt, ...receipt } of found)
      current = await this.#applyTo(current, { ...receipt, eventId: _id })
    return current
  }
}

function findNumber({ attempts }: Notification, { provider, providerId }: Receipt): number | undefined {
  return attempts.find((attempt) => attempt.provider === provider && attempt.providerId === providerId)
    ?.number
}
