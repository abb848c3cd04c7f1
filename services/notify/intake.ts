/**
 * Takes notifications in: checked against their templates, published first,
 * applied after. While NATS is away MongoDB takes them, where the timers find
 * them within a blink; without both the caller is told to try again.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { notificationId, queueSubject, sealVariables } from '@hushryd/kernel/queued-notification.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import type { NotifyEvents } from './events.ts'
import { type Notification, newNotification, type Priority, type Recipients } from './notification.ts'
import type { Channel } from './provider.ts'
import { isUnavailable, type RecordStore } from './record-store.ts'
import { encodeQueued } from './streams.ts'
import { channelsOf, readData } from './template.ts'
import type { Templates } from './template-files.ts'

export interface IntakeParts {
  readonly publisher: JetStreamPublisher
  readonly store: RecordStore
  readonly templates: Templates
  readonly ring: KeyRing
  readonly events: NotifyEvents
  readonly namespace: string
  readonly nowMs: () => number
}

export interface Order {
  /** Whose idempotency keys these are. */
  readonly caller: string
  /** The request's path to it, for violations; empty at the top. */
  readonly field: string
  readonly recipients: Exclude<Recipients, 'direct'>
  readonly userId: string
  readonly channels: readonly Channel[]
  readonly template: string
  readonly data: Readonly<Record<string, unknown>>
  readonly priority: Priority
  readonly idempotencyKey: string
  readonly reportTo: string
  readonly correlationId: string
}

function refuse(field: string, description: string): never {
  throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, `${field} ${description}.`, {
    violations: [{ field, description }],
  })
}

export class Intake {
  readonly #parts: IntakeParts

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Their ids; all are safe, or it throws and every one of them may be given again. */
  async accept(orders: readonly Order[]): Promise<string[]> {
    const notifications = orders.map((order) => this.#prepare(order))
    await Promise.all(notifications.map((notification) => this.#queue(notification)))
    return notifications.map(({ id }) => id)
  }

  #prepare(order: Order): Notification {
    const { caller, field, channels, data, ...rest } = order
    const { templates, ring, nowMs } = this.#parts
    const template = templates.find(order.template)
    if (template === undefined) return refuse(`${field}template`, 'is no known template')
    const written = channelsOf(template)
    const [first, ...more] = channels
    if (first === undefined) return refuse(`${field}channels`, 'is empty')
    if (channels.some((channel) => !written.includes(channel)))
      return refuse(`${field}template`, 'has no text for the channel')
    const filled = readData(template, data, `${field}data`)
    return newNotification({
      ...rest,
      id: notificationId(caller, order.idempotencyKey),
      channels: [first, ...more],
      templateVersion: template.version,
      sealedData: sealVariables(ring, template.name, filled),
      acceptedMs: nowMs(),
    })
  }

  async #queue(notification: Notification): Promise<void> {
    const { publisher, store, events, namespace } = this.#parts
    const { id, priority, channels } = notification
    try {
      await publisher.publish(queueSubject(namespace, priority, channels[0]), encodeQueued(notification), {
        msgId: id,
      })
      events.accepted(notification, 'queue')
    } catch (error) {
      if (!isUnavailable(error)) throw error
      // It may be in the queue as well, whose copy is then recognised by its id.
      await store.insert({ ...notification, version: 1 })
      events.accepted(notification, 'database')
    }
  }
}
