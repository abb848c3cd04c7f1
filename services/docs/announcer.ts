/** Tells the operations room, the owner's devices, and by notify the owner himself. */
import { NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { type NatsLink, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import type { Document, DocumentType } from './document.ts'
import { shownState, stateNameOf } from './encode.ts'

/** What operations are told of: `document.available` and so on. */
export type Announced = 'available' | 'rejected' | 'approved' | 'deleted'

export interface Announcer {
  /** Rejects with UNAVAILABLE where the log may not have it. Repeats count once there. */
  tellOperations(document: Document, what: Announced): Promise<void>
  /** Before a sealed document is handed out: no answer without its entry. */
  tellOpened(
    document: Document,
    opening: { readonly adminId: string; readonly reason: string },
  ): Promise<void>
  /** The owner's apps that are connected now; others read the state. */
  tellDevices(document: Document): void
  /** By the channels of notify; rejects where it has not taken it. Repeats are one message. */
  tellRejected(document: Document): Promise<void>
}

const TIMEOUT_MS = 5_000
/** A push where there is a device; an SMS reaches those who have uninstalled the app. */
const CHANNELS: [string, ...string[]] = ['push', 'sms']
const TEMPLATE = 'document_rejected'

const NAMES: Readonly<Record<DocumentType, string>> = {
  license: 'Driving licence',
  rc: 'Registration certificate',
  insurance: 'Insurance',
  photo: 'Photo',
  aadhar: 'Aadhaar',
}

export function createAnnouncer({
  eventLog,
  nats,
  notify,
  metrics,
  nowMs,
}: {
  readonly eventLog: EventLog
  readonly nats: Pick<NatsLink, 'publish'>
  readonly notify: RpcChannel
  readonly metrics: Metrics
  readonly nowMs: () => number
}): Announcer {
  const client = createRpcClient(NotifyServiceDefinition, notify, { timeoutMs: TIMEOUT_MS, metrics })

  return {
    async tellOperations(document, what) {
      const { id, userId, type, rejection, review, deletion } = document
      await eventLog.record({
        // An approved document may be rejected later, and that again is one event.
        eventId: `${id}:${what}`,
        type: `document.${what}`,
        severity: rejection?.reason === 'malware' ? Severity.WARNING : Severity.INFO,
        userId,
        data: {
          documentId: id,
          documentType: type,
          ...(what === 'rejected' && rejection !== undefined ? { reason: rejection.reason } : {}),
          ...(review === undefined ? {} : { reviewedBy: review.by }),
          ...(deletion === undefined ? {} : { why: deletion }),
        },
        occurredAtMs: document.changedMs,
      })
    },
    async tellOpened({ id, userId, type }, { adminId, reason }) {
      await eventLog.record({
        type: 'document.opened',
        severity: Severity.INFO,
        userId,
        data: { documentId: id, documentType: type, openedBy: adminId, reason },
        occurredAtMs: nowMs(),
      })
    },
    tellDevices(document) {
      const { id, userId, type, rejection } = document
      const event = PushEvent.encode({
        type: 'document.changed',
        tripId: '',
        data: {
          documentId: id,
          documentType: type,
          state: stateNameOf(shownState(document)),
          ...(rejection === undefined ? {} : { rejectionText: rejection.text }),
        },
        userIds: [],
        userId,
        tripEnded: false,
      }).finish()
      nats.publish(`push.user.${subjectToken(userId)}`, event)
    },
    async tellRejected({ id, userId, type, rejection }) {
      await client.queueNotifications({
        notifications: [
          {
            recipient: { $case: 'userId', value: userId },
            channels: CHANNELS,
            template: TEMPLATE,
            data: { document: NAMES[type], reason: rejection?.text ?? '' },
            priority: 'normal',
            idempotencyKey: `${id}:rejected`,
            reportTo: '',
            correlationId: id,
          },
        ],
      })
    },
  }
}
