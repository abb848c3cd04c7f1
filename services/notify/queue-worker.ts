/**
 * Who has a message of the queue, and who its notification: the queue until
 * MongoDB has the record, the timers from then on. The message is acknowledged
 * in between, before anything is sent.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '@hushryd/kernel/log.ts'
import { redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { JsMsg } from '@nats-io/jetstream'
import { ACK_WAIT_MS } from './consumer.ts'
import type { NotifyEvents } from './events.ts'
import { LEASE_MS } from './handover.ts'
import type { Notification } from './notification.ts'
import type { Created, Records } from './records.ts'
import type { Sender } from './sender.ts'

export interface QueueWorkerParts {
  readonly records: Pick<Records, 'create'>
  readonly sender: Pick<Sender, 'advance'>
  readonly events: Pick<NotifyEvents, 'taken'>
  readonly log: Log
  readonly nowMs: () => number
}

export type QueueMessage = Pick<JsMsg, 'ack' | 'nak' | 'working'> & {
  readonly info: Pick<JsMsg['info'], 'deliveryCount'>
}

/**
 * A message that MongoDB refuses, other than by being away, is a fault of
 * ours: it is kept, and comes again until a release has set it right.
 */
const REFUSED_AGAIN_MS = 500
const REFUSED_AGAIN_MS_MAX = 60_000

export class QueueWorker {
  readonly #parts: QueueWorkerParts
  /** Messages whose record waits in memory, by notification; they stay ours as long as we say so. */
  readonly #held = new Map<string, QueueMessage>()

  constructor(parts: QueueWorkerParts) {
    this.#parts = parts
  }

  async work(notification: Notification, message: QueueMessage): Promise<void> {
    const { records, sender, events, log, nowMs } = this.#parts
    const { id, priority, acceptedMs } = notification
    const now = nowMs()
    const first = { ...notification, lease: randomUUID(), dueMs: now + LEASE_MS }
    let created: Created
    try {
      created = await records.create(first, () => this.#release(id))
    } catch (error) {
      log.error({ err: error, notificationId: id }, 'a queued notification could not be recorded; it is kept')
      redeliverAfter(
        message,
        Math.min(REFUSED_AGAIN_MS_MAX, REFUSED_AGAIN_MS * 2 ** message.info.deliveryCount),
      )
      return
    }
    switch (created) {
      case 'created':
        message.ack()
        break
      case 'kept':
        this.#held.set(id, message)
        break
      case 'exists':
        message.ack()
        return
      case 'kept_before':
        // NATS was away, and the newest copy is the one to acknowledge.
        if (this.#held.has(id)) this.#held.set(id, message)
        else redeliverAfter(message, ACK_WAIT_MS)
        return
    }
    events.taken(priority, now - acceptedMs)
    await sender.advance({ ...first, version: 1 })
  }

  /** Once in a while: what is held is not taken for lost. */
  hold(): void {
    for (const message of this.#held.values()) message.working()
  }

  #release(id: string): void {
    this.#held.get(id)?.ack()
    this.#held.delete(id)
  }
}
