/**
 * Takes batches apart: what a flood of alerts has handed over as one message
 * becomes the single notifications that the lanes work on.
 */
import { QueuedBatch, QueuedNotification } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import {
  BATCH_PLACE,
  batchSubject,
  queueSubject,
  sealVariables,
  type Variables,
} from '@hushryd/kernel/queued-notification.ts'
import { type KeyRing, unseal } from '@hushryd/kernel/sealed-field.ts'
import { redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { consume } from './consumer.ts'
import { streamNames } from './streams.ts'

export interface BatchQueueParts {
  readonly link: NatsLink
  readonly publisher: JetStreamPublisher
  readonly ring: KeyRing
  readonly log: Log
  readonly namespace: string
}

/** Each holds up to hundreds. */
const UNACKED_MAX = 100
const AHEAD_MAX = 2
const RECONNECT_MS = 500
const AGAIN_MS = 1_000
const CLOSED_AGAIN_MS = 10_000

function decodeBatch(ring: KeyRing, data: Uint8Array): QueuedNotification[] {
  const { notifications, sealedData } = QueuedBatch.decode(data)
  // Written by sealAllVariables.
  const all = JSON.parse(unseal(ring, BATCH_PLACE, sealedData)) as Variables[]
  return notifications.map((notification, index) => ({
    ...notification,
    sealedData: sealVariables(ring, notification.template, all[index] ?? {}),
  }))
}

export function startBatchQueue({ link, publisher, ring, log, namespace }: BatchQueueParts): Loop {
  return startLoop({
    name: 'batches',
    everyMs: RECONNECT_MS,
    log,
    run: (signal) =>
      consume(
        {
          link,
          stream: streamNames(namespace).queue,
          name: 'batches',
          subject: batchSubject(namespace),
          aheadMax: AHEAD_MAX,
          unackedMax: UNACKED_MAX,
          async onMessage(message) {
            let notifications: QueuedNotification[]
            try {
              notifications = decodeBatch(ring, message.data)
            } catch (error) {
              // Kept: with the key that is missing, perhaps, it will open; someone's contacts wait for it.
              log.error({ err: error }, 'a batch of notifications cannot be opened; it is kept')
              redeliverAfter(message, CLOSED_AGAIN_MS)
              return
            }
            // A repeat is recognised by its id, in the stream's window and by its record behind it.
            const published = await Promise.allSettled(
              notifications.map((notification) => {
                const { notificationId, priority, channels, traceparent } = notification
                return publisher.publish(
                  queueSubject(namespace, priority, channels[0] ?? ''),
                  QueuedNotification.encode(notification).finish(),
                  { msgId: notificationId, traceparent },
                )
              }),
            )
            if (published.every(({ status }) => status === 'fulfilled')) message.ack()
            else redeliverAfter(message, AGAIN_MS)
          },
        },
        signal,
      ),
  })
}
