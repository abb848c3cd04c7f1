/** Puts on record what could not be when it came: MongoDB was away. */
import { ReceivedReceipt } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { consume } from './consumer.ts'
import type { NotifyEvents } from './events.ts'
import type { DeliveryReceipt, ProviderName } from './provider.ts'
import type { Receipt, Receipts } from './receipts.ts'
import { isUnavailable } from './record-store.ts'
import { receiptSubject, streamNames } from './streams.ts'

const UNACKED_MAX = 1_000
const AHEAD_MAX = 100
const RECONNECT_MS = 500
const AGAIN_MS = 2_000

function decodeReceipt(data: Uint8Array): Receipt {
  const { provider, status, at, ...rest } = ReceivedReceipt.decode(data)
  // Written by receipts.ts alone.
  return {
    ...rest,
    provider: provider as ProviderName,
    status: status as DeliveryReceipt['status'],
    atMs: at,
  }
}

export interface ReceiptQueueParts {
  readonly link: NatsLink
  readonly receipts: Receipts
  readonly events: NotifyEvents
  readonly log: Log
  readonly namespace: string
}

export function startReceiptQueue({ link, receipts, events, log, namespace }: ReceiptQueueParts): Loop {
  return startLoop({
    name: 'queued receipts',
    everyMs: RECONNECT_MS,
    log,
    run: (signal) =>
      consume(
        {
          link,
          stream: streamNames(namespace).queue,
          name: 'receipts',
          subject: receiptSubject(namespace),
          aheadMax: AHEAD_MAX,
          unackedMax: UNACKED_MAX,
          async onMessage(message) {
            try {
              await receipts.apply(decodeReceipt(message.data))
              message.ack()
            } catch (error) {
              if (!isUnavailable(error)) {
                events.receiptUnusable(error)
                message.term('unusable')
              } else redeliverAfter(message, AGAIN_MS)
            }
          },
        },
        signal,
      ),
  })
}
