/** A durable consumer, created on first use, over all outages of NATS; messages come in batches. */

import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
import { CONSUMING, ensureConsumer, redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { AckPolicy, DeliverPolicy, type JsMsg } from '@nats-io/jetstream'

export interface PullOptions {
  readonly link: NatsLink
  readonly stream: string
  readonly name: string
  readonly subject: string
  readonly batchMax: number
  /** Where a consumer that is new begins: with all that the stream has, or with what comes. */
  readonly from?: 'all' | 'new'
  /** Acknowledges each, or says when it is to come again; rejects where none of them is handled. */
  readonly onMessages: (messages: readonly JsMsg[]) => Promise<void>
  readonly onFailed: (error: unknown) => void
}

/** A message whose process has died goes to another one after this. */
const ACK_WAIT_MS = 30_000
const AGAIN_MS = 2_000
const UNACKED_MAX = 2_000
const MS_NS = 1_000_000

/** Returns when the signal aborts; throws where NATS, the stream or the consumer is away, for the loop to come back. */
export async function pull(options: PullOptions, signal: AbortSignal): Promise<void> {
  const { link, stream, name, subject, batchMax, from = 'all', onMessages, onFailed } = options
  const spec = {
    durable_name: name,
    filter_subject: subject,
    deliver_policy: from === 'all' ? DeliverPolicy.All : DeliverPolicy.New,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_MS * MS_NS,
    max_ack_pending: UNACKED_MAX,
  }
  const consumer = await ensureConsumer(link, stream, spec, signal)
  const messages = await consumer.consume({ max_messages: batchMax, ...CONSUMING })
  const group = new GroupCommit<JsMsg>({
    batchMax,
    async commit(batch) {
      try {
        await onMessages(batch)
      } catch (error) {
        onFailed(error)
        for (const message of batch) redeliverAfter(message, AGAIN_MS)
      }
    },
  })
  const stop = (): void => messages.stop()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const message of messages) group.add(message)
  } finally {
    signal.removeEventListener('abort', stop)
    await group.idle()
  }
}
