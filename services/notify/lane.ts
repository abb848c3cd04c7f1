/**
 * The queue's side of a sender: one lane for each priority and channel, each
 * with workers of its own, so that no flood and no slow provider in one of them
 * takes a worker of another.
 */
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { queueSubject } from '@hushryd/kernel/queued-notification.ts'
import { redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { TRACEPARENT, traced } from '@hushryd/kernel/tracing.ts'
import type { JsMsg } from '@nats-io/jetstream'
import { ACK_WAIT_MS, consume } from './consumer.ts'
import type { NotifyEvents } from './events.ts'
import type { Notification, Priority } from './notification.ts'
import { Pool } from './pool.ts'
import type { Channel } from './provider.ts'
import { QueueWorker, type QueueWorkerParts } from './queue-worker.ts'
import { decodeQueued, streamNames } from './streams.ts'

export interface LaneParts extends QueueWorkerParts {
  readonly link: NatsLink
  readonly events: NotifyEvents
  readonly namespace: string
}

export interface LaneOptions {
  readonly priority: Priority
  readonly channel: Channel
  readonly workers: number
}

/** What one lane may hold in memory while MongoDB is away. */
const UNACKED_MAX = 5_000
const RECONNECT_MS = 500
const UNDECODABLE_AGAIN_MS = 10_000

export class Lane implements AsyncDisposable {
  readonly #events: NotifyEvents
  readonly #pool: Pool
  readonly #worker: QueueWorker
  readonly #loops: readonly Loop[]

  constructor(parts: LaneParts, { priority, channel, workers }: LaneOptions) {
    const { link, events, log, namespace } = parts
    this.#events = events
    this.#pool = new Pool(workers)
    this.#worker = new QueueWorker(parts)
    const name = `${priority}-${channel}`
    this.#loops = [
      startLoop({
        name: `lane ${name}`,
        everyMs: RECONNECT_MS,
        log,
        run: (signal) =>
          consume(
            {
              link,
              stream: streamNames(namespace).queue,
              name,
              subject: queueSubject(namespace, priority, channel),
              aheadMax: Math.ceil(workers / 2),
              unackedMax: UNACKED_MAX,
              onMessage: (message) => this.#take(message),
            },
            signal,
          ),
      }),
      startLoop({
        name: `hold ${name}`,
        everyMs: ACK_WAIT_MS / 3,
        log,
        run: () => this.#worker.hold(),
      }),
    ]
  }

  async #take(message: JsMsg): Promise<void> {
    let notification: Notification
    try {
      notification = decodeQueued(message.data)
    } catch (error) {
      // What was accepted is never dropped: a newer release may have written it, and takes it then.
      this.#events.undecodable(error)
      redeliverAfter(message, UNDECODABLE_AGAIN_MS)
      return
    }
    await this.#pool.room()
    this.#pool.start(() =>
      traced(
        'notification',
        {
          kind: 'consumer',
          parent: message.headers?.get(TRACEPARENT),
          attributes: {
            'messaging.system': 'nats',
            'hushryd.notification_id': notification.id,
            'hushryd.priority': notification.priority,
          },
        },
        () => this.#worker.work(notification, message),
      ),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()))
    await this.#pool.idle()
  }
}
