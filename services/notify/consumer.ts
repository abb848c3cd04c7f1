/** A durable consumer of the stream NOTIFY, created on first use, over all outages of NATS. */
import { CONSUMING, ensureConsumer } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { AckPolicy, type JsMsg } from '@nats-io/jetstream'

export interface ConsumerOptions {
  readonly link: NatsLink
  readonly stream: string
  readonly name: string
  readonly subject: string
  /** Messages that this process has asked for ahead. */
  readonly aheadMax: number
  /** Messages of all processes without acknowledgement: while MongoDB is away they wait in memory. */
  readonly unackedMax: number
  readonly onMessage: (message: JsMsg) => Promise<void>
}

/**
 * A message whose process has died goes to another one after this. One that
 * merely waits for a worker for so long goes there too, which does no harm:
 * whoever is second finds its record.
 */
export const ACK_WAIT_MS = 10_000
const MS_NS = 1_000_000

/** Returns when the signal aborts; throws where NATS is away, or the stream or the consumer gone, for the loop to come back. */
export async function consume(options: ConsumerOptions, signal: AbortSignal): Promise<void> {
  const { link, stream, name, subject, aheadMax, unackedMax, onMessage } = options
  const consumer = await ensureConsumer(
    link,
    stream,
    {
      durable_name: name,
      filter_subject: subject,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_MS * MS_NS,
      max_ack_pending: unackedMax,
    },
    signal,
  )
  const messages = await consumer.consume({ max_messages: aheadMax, ...CONSUMING })
  const stop = (): void => messages.stop()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const message of messages) await onMessage(message)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
