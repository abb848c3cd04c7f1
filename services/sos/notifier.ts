/** Hands messages to notify: into its queue, which outlives its processes, or by a call where NATS is away. */
import { type NewNotification, NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { QueuedBatch, QueuedNotification } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import {
  batchSubject,
  notificationId,
  queueSubject,
  sealAllVariables,
  sealVariables,
} from '@hushryd/kernel/queued-notification.ts'
import { createRpcClient, type RpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { chunk } from './chunk.ts'
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
const CHANNELS: [string, ...string[]] = ['sms', 'whatsapp']
const PRIORITY = 'high'
/** Of QueueNotifications, by the contract. */
const CALL_MAX = 500
const CALL_TIMEOUT_MS = 1_500
const QUEUE_TIMEOUT_MS = 1_000
/** From so many on notify gets them as batches, which it takes apart; fewer are there a hop sooner. */
const BATCH_MIN = 20
/** Some 200 KB. */
const BATCH_MAX = 500

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
    if (messages.length >= BATCH_MIN) return await this.#queueBatches(messages, timeoutMs)
    const { publisher, namespace, clock, ring } = this.#options
    const subject = queueSubject(namespace, PRIORITY, CHANNELS[0])
    const published = messages.map((message) => {
      const sealedData = sealVariables(ring, message.template, message.variables)
      const queued = { ...this.#toQueued(message), sealedData }
      return publisher.publish(subject, QueuedNotification.encode(queued).finish(), {
        msgId: queued.notificationId,
        traceparent: queued.traceparent,
      })
    })
    return await keptWithin(published, timeoutMs, clock)
  }

  async #queueBatches(messages: readonly Message[], timeoutMs: number): Promise<readonly boolean[]> {
    const { publisher, namespace, clock, ring } = this.#options
    const subject = batchSubject(namespace)
    const batches = chunk(messages, BATCH_MAX)
    const published = batches.map((batch) => {
      const sealedData = sealAllVariables(
        ring,
        batch.map(({ variables }) => variables),
      )
      const notifications = batch.map((message) => this.#toQueued(message))
      return publisher.publish(subject, QueuedBatch.encode({ notifications, sealedData }).finish())
    })
    const kept = await keptWithin(published, timeoutMs, clock)
    return batches.flatMap((batch, index) => batch.map(() => kept[index] === true))
  }

  /** By calls; rejects where notify has not taken all of them. */
  async call(messages: readonly Message[]): Promise<void> {
    for (const batch of chunk(messages, CALL_MAX))
      await this.#client.queueNotifications({ notifications: batch.map(toNew) })
  }

  /** By the queue, and by a call where that fails; rejects where neither takes all of them. */
  async send(messages: readonly Message[]): Promise<void> {
    const kept = await this.queue(messages, QUEUE_TIMEOUT_MS)
    await this.call(messages.filter((_, index) => kept[index] !== true))
  }

  /** Without its variables. */
  #toQueued(message: Message): QueuedNotification {
    const { key, recipients, userId, template, templateVersion, correlationId, isReported, traceparent } =
      message
    return {
      notificationId: notificationId(CALLER, key),
      userId,
      recipients,
      channels: CHANNELS,
      template,
      templateVersion,
      sealedData: '',
      priority: PRIORITY,
      reportTo: isReported ? CALLER : '',
      correlationId,
      acceptedAt: this.#options.clock.nowMs(),
      idempotencyKey: key,
      traceparent,
    }
  }
}

function toNew(message: Message): NewNotification {
  const { key, recipients, userId, template, variables, correlationId, isReported } = message
  return {
    recipient:
      recipients === 'on_call'
        ? { $case: 'onCall', value: { aboutUserId: userId } }
        : { $case: 'emergencyContacts', value: { userId } },
    channels: CHANNELS,
    template,
    data: variables,
    priority: PRIORITY,
    idempotencyKey: key,
    reportTo: isReported ? CALLER : '',
    correlationId,
  }
}
