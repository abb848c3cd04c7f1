/**
 * The queue's side of a sender: one lane for each priority and channel, each
 * with workers of its own, so that no flood and no slow provider in one of them
 * takes a worker of another.
 *
 * A message belongs to the queue until MongoDB has its record, and to the
 * timers from then on: it is acknowledged at once, before anything is sent.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { queueSubject } from '@hushryd/kernel/queued-notification.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { TRACEPARENT, traced } from '@hushryd/kernel/tracing.ts'
import type { JsMsg } from '@nats-io/jetstream'
import { ACK_WAIT_MS, consume } from './consumer.ts'
import type { NotifyEvents } from './events.ts'
import { LEASE_MS } from './handover.ts'
import type { Notification, Priority } from './notification.ts'
import { Pool } from './pool.ts'
import type { Channel } from './provider.ts'
import type { Records } from './records.ts'
import type { Sender } from './sender.ts'
import { decodeQueued, streamNames } from './streams.ts'

export interface LaneParts {
  readonly link: NatsLink
  readonly records: Records
  readonly sender: Sender
  readonly events: NotifyEvents
  readonly log: Log
  readonly namespace: string
  readonly nowMs: () => number
}

export interface LaneOptions {
  readonly priority: Priority
  readonly channel: Channel
  readonly workers: number
}

/** What one lane may hold in memory while MongoDB is away. */
const UNACKED_MAX = 5_000
const RECONNECT_MS = 500
/** A message that MongoDB refuses, other than by being away, is a fault of ours and no better the next time. */
const DELIVERIES_MAX = 20

export class Lane implements AsyncDisposable {
  readonly #parts: LaneParts
  readonly #priority: Priority
  readonly #pool: Pool
  /** Messages whose record waits in memory, by notification; they stay ours as long as we say so. */
  readonly #held = new Map<string, JsMsg>()
  readonly #loops: readonly Loop[]

  constructor(parts: LaneParts, { priority, channel, workers }: LaneOptions) {
    const { link, log, namespace } = parts
    this.#parts = parts
    this.#priority = priority
    this.#pool = new Pool(workers)
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
              aheadMax: workers,
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
        run: () => {
          for (const message of this.#held.values()) message.working()
        },
      }),
    ]
  }

  async #take(message: JsMsg): Promise<void> {
    let notification: Notification
    try {
      notification = decodeQueued(message.data)
    } catch (error) {
      this.#parts.events.undecodable(error)
      message.term('undecodable')
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
        () => this.#work(notification, message),
      ),
    )
  }

  async #work(notification: Notification, message: JsMsg): Promise<void> {
    const { records, sender, events, log, nowMs } = this.#parts
    const { id, acceptedMs } = notification
    const now = nowMs()
    const first = { ...notification, lease: randomUUID(), dueMs: now + LEASE_MS }
    if (records.isKept(id)) {
      // It came again although it is held: NATS was away, and the newest copy is the one to acknowledge.
      if (this.#held.has(id)) this.#held.set(id, message)
      else message.nak(ACK_WAIT_MS)
      return
    }
    try {
      const outcome = await records.create(first, () => this.#release(id))
      if (outcome === 'kept') this.#held.set(id, message)
      else message.ack()
      if (outcome === 'exists') return
    } catch (error) {
      log.error({ err: error, notificationId: id }, 'a queued notification could not be recorded')
      if (message.info.deliveryCount < DELIVERIES_MAX) message.nak(RECONNECT_MS)
      else message.term('it cannot be recorded')
      return
    }
    events.taken(this.#priority, now - acceptedMs)
    await sender.advance({ ...first, version: 1 })
  }

  #release(id: string): void {
    this.#held.get(id)?.ack()
    this.#held.delete(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()))
    await this.#pool.idle()
  }
}
