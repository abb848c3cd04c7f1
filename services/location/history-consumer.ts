/** The history's place in the stream LOCATION: a durable pull consumer that all writers share. */
import type { Log } from '@hushryd/kernel/log.ts'
import { ensureConsumer } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import { LOCATION_STREAM } from './location-stream.ts'

export const HISTORY_CONSUMER = 'location-history'
const NS_PER_MS = 1_000_000
/** A writer that has died leaves its messages to others after this. */
const ACK_WAIT_MS = 30_000
/** Messages with all writers together that are not acknowledged. */
const ACK_PENDING_MAX = 20_000
/** Flushes in one batch: some 60,000 positions, a few seconds at full load. */
const MESSAGES_MAX = 1_000

/** What the writer needs of a message. */
export type HistoryMessage = Pick<JsMsg, 'data' | 'redelivered' | 'time' | 'ack' | 'nak' | 'term'> & {
  readonly info: Pick<JsMsg['info'], 'pending'>
}

export interface HistoryConsumer extends Disposable {
  /** What has come within the time, perhaps nothing; nothing while NATS is away. Throws while the stream is. */
  pull(signal: AbortSignal): Promise<readonly HistoryMessage[]>
}

export interface HistoryConsumerOptions {
  readonly link: NatsLink
  readonly log: Log
  /** How long a pull gathers; JetStream takes no less than a second. */
  readonly gatherMs: number
}

export function openHistoryConsumer({ link, log, gatherMs }: HistoryConsumerOptions): HistoryConsumer {
  let consumer: Consumer | undefined
  const stopFollowing = link.onDisconnected(() => {
    consumer = undefined
  })

  async function open(signal: AbortSignal): Promise<Consumer> {
    const opened = await ensureConsumer(
      link,
      LOCATION_STREAM,
      {
        durable_name: HISTORY_CONSUMER,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        ack_wait: ACK_WAIT_MS * NS_PER_MS,
        max_ack_pending: ACK_PENDING_MAX,
        max_deliver: -1,
      },
      signal,
    )
    log.info('history consumer ready')
    return opened
  }

  return {
    async pull(signal) {
      if (!link.isConnected) return []
      consumer ??= await open(signal)
      try {
        const pulled = await consumer.fetch({ max_messages: MESSAGES_MAX, expires: gatherMs })
        const end = (): void => void pulled.close()
        signal.addEventListener('abort', end)
        const messages: JsMsg[] = []
        for await (const message of pulled) messages.push(message)
        signal.removeEventListener('abort', end)
        return messages
      } catch (error) {
        // The stream or the consumer may be gone: both are looked at before the next pull.
        consumer = undefined
        throw error
      }
    },
    [Symbol.dispose]: stopFollowing,
  }
}
