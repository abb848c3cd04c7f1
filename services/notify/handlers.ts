/** One function a method: check, call, encode. */
import type { NewNotification, NotifyServiceImplementation } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import type { DeadLetters } from './dead-letters.ts'
import { encodeProcess, sumUp } from './delivery.ts'
import { countedFromMs } from './delivery-counts.ts'
import type { DeliveryPeers } from './delivery-peers.ts'
import type { Direct } from './direct.ts'
import { encodeNotification, encodeTemplate } from './encode.ts'
import type { NotifyEvents } from './events.ts'
import type { Intake, Order } from './intake.ts'
import { CHANNELS, type Notification, PRIORITIES } from './notification.ts'
import { readPageToken, writePageToken } from './page-token.ts'
import type { Receipts } from './receipts.ts'
import type { Recipients } from './recipients.ts'
import { isUnavailable } from './record-store.ts'
import type { Records } from './records.ts'
import { checkMayQueue, checkMayRead, checkMaySend, nameOf } from './rights.ts'
import type { Suppressions } from './suppressions.ts'
import type { Templates } from './template-files.ts'
import type { ReadWebhook } from './webhooks/reader.ts'

export interface HandlerParts {
  readonly intake: Intake
  readonly direct: Direct
  readonly records: Records
  readonly recipients: Recipients
  readonly receipts: Receipts
  readonly deadLetters: DeadLetters
  readonly peers: DeliveryPeers
  readonly suppressions: Suppressions
  readonly templates: Templates
  readonly readWebhook: ReadWebhook
  readonly events: NotifyEvents
  readonly nowMs: () => number
}

const DEAD_LETTERS_PAGE = 50
const DELIVERY_MINUTES = 15

/** The contract has checked that it is one of them. */
function oneOf<const V extends string>(values: readonly V[], value: string): V {
  const found = values.find((candidate) => candidate === value)
  if (found === undefined) throw new Error('the contract lets a value through that is unknown here')
  return found
}

function readRecipients({ recipient }: NewNotification): Pick<Order, 'recipients' | 'userId'> {
  switch (recipient?.$case) {
    case 'userId':
      return { recipients: 'user', userId: recipient.value }
    case 'emergencyContacts':
      return { recipients: 'emergency_contacts', userId: recipient.value.userId }
    case 'onCall':
      return { recipients: 'on_call', userId: recipient.value.aboutUserId }
    case undefined:
      throw new Error('the contract lets a notification without recipient through')
  }
}

export function createHandlers(parts: HandlerParts): NotifyServiceImplementation<RpcContext> {
  const { intake, direct, records, recipients, receipts, deadLetters, peers, suppressions } = parts
  const { templates, readWebhook, events, nowMs } = parts

  async function getNotification(id: string): Promise<Notification> {
    const notification = await records.find(id)
    if (notification !== undefined) return notification
    throw new DomainError(
      ErrorReason.ERROR_REASON_NOTIFICATION_NOT_FOUND,
      'There is no such notification, or it still waits in the queue.',
    )
  }

  /** What is cut off matters most when much is away, so MongoDB may be, too. */
  async function countStored() {
    try {
      const [counts, deadLetterCount] = await Promise.all([suppressions.count(), records.store.countFailed()])
      const suppressed = CHANNELS.map((channel) => ({ channel, recipients: counts.get(channel) ?? 0 }))
      return { suppressed, deadLetters: deadLetterCount, isDatabaseAway: false }
    } catch (error) {
      if (!isUnavailable(error)) throw error
      return { suppressed: [], deadLetters: 0, isDatabaseAway: true }
    }
  }

  return {
    async queueNotification({ type, priority, data, ...request }, { caller }) {
      const order: Order = {
        ...request,
        caller: checkMayQueue(caller),
        field: '',
        recipients: 'user',
        channels: [oneOf(CHANNELS, type)],
        data: data ?? {},
        priority: oneOf(PRIORITIES, priority || 'normal'),
        reportTo: '',
        correlationId: '',
      }
      const [notificationId = ''] = await intake.accept([order])
      return { notificationId }
    },

    async queueNotifications({ notifications }, { caller }) {
      const name = checkMaySend(caller)
      const orders = notifications.map((notification, index): Order => {
        const { channels, template, data, priority, idempotencyKey, reportTo, correlationId } = notification
        return {
          ...readRecipients(notification),
          caller: name,
          field: `notifications[${index}].`,
          channels: channels.map((channel) => oneOf(CHANNELS, channel)),
          template,
          data: data ?? {},
          priority: oneOf(PRIORITIES, priority),
          idempotencyKey,
          reportTo,
          correlationId,
        }
      })
      return { notificationIds: await intake.accept(orders) }
    },

    async sendSms({ phone, message, idempotencyKey }, { caller }) {
      const outcome = await direct.send({
        caller: checkMaySend(caller),
        idempotencyKey,
        channel: 'sms',
        userId: '',
        addresses: [phone],
        content: { text: message },
      })
      return { outcome }
    },

    async sendEmail({ email, subject, body, idempotencyKey }, { caller }) {
      const outcome = await direct.send({
        caller: checkMaySend(caller),
        idempotencyKey,
        channel: 'email',
        userId: '',
        addresses: [email],
        content: { subject, text: body },
      })
      return { outcome }
    },

    async sendWhatsApp({ phone, templateId, language, params, idempotencyKey }, { caller }) {
      const outcome = await direct.send({
        caller: checkMaySend(caller),
        idempotencyKey,
        channel: 'whatsapp',
        userId: '',
        addresses: [phone],
        content: { text: params.join(' '), template: { name: templateId, language, params } },
      })
      return { outcome }
    },

    async sendPush({ userId, title, body, idempotencyKey }, { caller }) {
      const name = checkMaySend(caller)
      const [person] = await recipients.list({ recipients: 'user', userId })
      if (person === undefined)
        throw new DomainError(ErrorReason.ERROR_REASON_USER_NOT_FOUND, 'There is no such user.')
      const outcome = await direct.send({
        caller: name,
        idempotencyKey,
        channel: 'push',
        userId,
        addresses: person.addresses.push,
        content: { title, text: body },
      })
      return { outcome }
    },

    async getNotification({ notificationId }, { caller }) {
      checkMayRead(caller)
      return { notification: encodeNotification(await getNotification(notificationId)) }
    },

    async reportDelivery({ provider, url, headers, body }) {
      const result = await readWebhook(provider, { url, headers, body })
      const { answer } = result
      if (result.kind === 'refused') events.webhookRefused(provider, result.reason)
      else await Promise.all(result.receipts.map((receipt) => receipts.take(receipt)))
      return { status: answer.status, contentType: answer.contentType, body: Buffer.from(answer.body) }
    },

    async listTemplates(_request, { caller }) {
      checkMayRead(caller)
      return { templates: templates.list().map(encodeTemplate) }
    },

    async listDeadLetters({ pageSize, pageToken }, { caller }) {
      checkMayRead(caller)
      const limit = pageSize === 0 ? DEAD_LETTERS_PAGE : pageSize
      const found = await deadLetters.list({ after: readPageToken(pageToken), limit: limit + 1 })
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      return {
        notifications: page.map(encodeNotification),
        nextPageToken: last === undefined ? '' : writePageToken(last),
      }
    },

    async replayDeadLetter({ notificationId }, { caller }) {
      checkMayRead(caller)
      const notification = await getNotification(notificationId)
      return { notification: encodeNotification(await deadLetters.replay(notification, nameOf(caller))) }
    },

    async getDelivery({ minutes }, { caller }) {
      checkMayRead(caller)
      const countedFrom = countedFromMs(minutes === 0 ? DELIVERY_MINUTES : minutes, nowMs())
      const [processes, stored] = await Promise.all([peers.ask(countedFrom), countStored()])
      return { providers: sumUp(processes), countedFrom, processes: processes.map(encodeProcess), ...stored }
    },
  }
}
