/** Carries the log into the archive: a durable consumer that all processes share, so that none is needed. */
import { EVENT_STREAM } from '@hushryd/kernel/event-log.ts'
import { ensureConsumer, redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { AckPolicy, DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import type { Archive } from './archive.ts'
import { readDocument } from './archive-document.ts'
import { type LogState, recordOf } from './log-stream.ts'

export const ARCHIVE_CONSUMER = 'admin-archive'

export interface ArchiverOptions {
  readonly link: NatsLink
  readonly archive: Pick<Archive, 'write'>
  readonly state: () => Promise<LogState>
  readonly onStored: (count: number) => void
  /** They are in the log alone, and leave with it. */
  readonly onRefused: (count: number) => void
}

const BATCH_MAX = 500
/** The shortest that JetStream takes; a batch that is full comes at once. */
const GATHER_MS = 1_000
const ACK_WAIT_MS = 30_000
const ACK_PENDING_MAX = 5_000
const AGAIN_MS = 1_000
const NS_PER_MS = 1_000_000

export class Archiver {
  readonly #options: ArchiverOptions

  constructor(options: ArchiverOptions) {
    this.#options = options
  }

  /** Until the signal aborts; throws where NATS or MongoDB is away, for the loop to come back. */
  async run(signal: AbortSignal): Promise<void> {
    const { link, state } = this.#options
    const spec = {
      durable_name: ARCHIVE_CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_MS * NS_PER_MS,
      max_ack_pending: ACK_PENDING_MAX,
      max_deliver: -1,
    }
    const consumer = await ensureConsumer(link, EVENT_STREAM, spec, signal)
    // A log that was made anew has a consumer of its own, and this one ends with the old.
    const { logId } = await state()
    while (!signal.aborted && link.isConnected) {
      const pulled = await consumer.fetch({ max_messages: BATCH_MAX, expires: GATHER_MS })
      const end = (): void => void pulled.close()
      signal.addEventListener('abort', end)
      const messages: JsMsg[] = []
      try {
        for await (const message of pulled) messages.push(message)
      } finally {
        signal.removeEventListener('abort', end)
      }
      if (messages.length > 0) await this.#store(logId, messages)
    }
  }

  async #store(logId: string, messages: readonly JsMsg[]): Promise<void> {
    const { archive, onStored, onRefused } = this.#options
    const documents = messages.flatMap((message) => readDocument(logId, recordOf(message)) ?? [])
    let refused: number
    try {
      refused = await archive.write(documents)
    } catch (error) {
      for (const message of messages) redeliverAfter(message, AGAIN_MS)
      throw error
    }
    // Only now: a crash in between archives an event again, which changes nothing.
    for (const message of messages) message.ack()
    onStored(documents.length - refused)
    const lost = messages.length - documents.length + refused
    if (lost > 0) onRefused(lost)
  }
}
