/** Hands messages to notify: into its queue, which outlives its processes, or by a call where NATS is away. */
import { type NewNotification, NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { QueuedNotification } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { notificationId, queueSubject, sealVariables } from '@hushryd/kernel/queued-notification.ts'
import { createRpcClient, type RpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream.ts'
import { keptWithin } from './kept-within.ts'
import type { Message } from './messages.ts'

export interface NotifierOptions {
  readonly publisher: JetStreamPublisher
  readonly channel: RpcChannel
  readonly metrics: Metrics
  /** Notify's own. */
  readonly ring: KeyRing
  readonly namespace: string
  readonly clock: Clock
}

/** The name by which notify knows us; outcomes are reported to it. */
const CALLER = 'sos'
const CHANNELS: readonly ['sms', ...string[]] = ['sms', 'whatsapp']
const PRIORITY = 'high'
/** Of QueueNotifications, by the contract. */
const CALL_MAX = 500
const CALL_TIMEOUT_MS = 1_500
const QUEUE_TIMEOUT_MS = 1_000

export class Notifier {
  readonly #options: NotifierOptions
  readonly #client: RpcClient<typeof NotifyServiceDefinition>

  constructor(options: NotifierOptions) {
    this.#options = options
    const { channel, metrics } = options
    this.#client = createRpcClient(NotifyServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS, metrics })
  }

  /** Into the queue; answers which are in it, by their places. */
  async queue(messages: readonly Message[], timeoutMs: number): Promise<readonly boolean[]> {
    const { publisher, namespace, clock } = this.#options
    const subject = queueSubject(namespace, PRIORITY, CHANNELS[0])
    const published = messages.map((message) => {
      const id = notificationId(CALLER, message.key)
      return publisher.publish(subject, this.#encode(id, message), { msgId: id })
    })
    return await keptWithin(published, timeoutMs, clock)
  }

  /** By calls; rejects where notify has not taken all of them. */
  async call(messages: readonly Message[]): Promise<void> {
    for (let start = 0; start < messages.length; start += CALL_MAX) {
      const notifications = messages.slice(start, start + CALL_MAX).map(toNew)
      await this.#client.queueNotifications({ notifications })
    }
  }

  /** By the queue, and by a call where that fails; rejects where neither takes all of them. */
  async send(messages: readonly Message[]): Promise<void> {
    const kept = await this.queue(messages, QUEUE_TIMEOUT_MS)
    await this.call(messages.filter((_, index) => kept[index] !== true))
  }

  #encode(id: string, message: Message): Uint8Array {
    const { ring, clock } = this.#options
    const { key, variables, isReported, ...rest } = message
    return QueuedNotification.encode({
      ...rest,
      notificationId: id,
      channels: [...CHANNELS],
      sealedData: sealVariables(ring, message.template, variables),
      priority: PRIORITY,
      reportTo: isReported ? CALLER : '',
      acceptedAt: clock.nowMs(),
      idempotencyKey: key,
    }).finish()
  }
}

function toNew(message: Message): NewNotification {
  const { key, recipients, userId, template, variables, correlationId, isReported } = message
  return {
    recipient:
      recipients === 'on_call'
        ? { $case: 'onCall', value: { aboutUserId: userId } }
        : { $case: 'emergencyContacts', value: { userId } },
    channels: [...CHANNELS],
    template,
    data: variables,
    priority: PRIORITY,
    idempotencyKey: key,
    reportTo: isReported ? CALLER : '',
    correlationId,
  }
}
