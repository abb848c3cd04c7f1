/** The log as it lies in JetStream: its sequence is the one order of all events. */
import { type EncodedEvent, EVENT_STREAM } from '@hushryd/kernel/event-log.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { storeAway, withStore } from '@hushryd/kernel/stores/store-error.ts'
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nuid } from '@nats-io/transport-node'

/** An event as it lies in the log. */
export interface LogRecord {
  readonly sequence: number
  readonly recordedAtMs: number
  /** An encoded Event. */
  readonly data: Uint8Array
}

export interface LogState {
  /** Another one where the stream was made anew. */
  readonly logId: string
  /** The oldest number that is still there; last + 1 where there is none. */
  readonly first: number
  readonly last: number
}

export interface Following {
  onRecord(record: LogRecord): void
  /** JetStream gave a sign of life. */
  onAlive(): void
}

const NS_PER_MS = 1_000_000
const APPEND_TIMEOUT_MS = 3_000
/** A consumer whose process has died goes after this. */
const INACTIVE_MS = 30_000
/** Asked for at once; JetStream is asked again when a quarter has come. */
const PULL_MAX = 2_000
const PULL_EXPIRES_MS = 5_000
/** Two of these without a sign, and the consumer is made anew. */
const SIGN_OF_LIFE_MS = 500
/** Of a read, at once. */
const READ_MAX = 500
const READ_EXPIRES_MS = 2_000

export function recordOf(message: JsMsg): LogRecord {
  return {
    sequence: message.seq,
    recordedAtMs: Number(message.timestampNanos / BigInt(NS_PER_MS)),
    data: message.data,
  }
}

export class LogStream {
  readonly #link: NatsLink

  constructor(link: NatsLink) {
    this.#link = link
  }

  /** Throws UNAVAILABLE while NATS is away. */
  #connection(): NatsConnection {
    const { connection, isConnected } = this.#link
    if (connection === undefined || !isConnected) throw storeAway('nats')
    return connection
  }

  async state(): Promise<LogState> {
    const connection = this.#connection()
    return await withStore('nats', async () => {
      const manager = await jetstreamManager(connection)
      const { created, state } = await manager.streams.info(EVENT_STREAM)
      return {
        logId: Date.parse(created).toString(36),
        first: state.messages === 0 ? state.last_seq + 1 : state.first_seq,
        last: state.last_seq,
      }
    })
  }

  /** Resolves with the event's number once the log has it, with that of the first try where this is a repeat. */
  async append({ eventId, subject, data }: EncodedEvent): Promise<number> {
    const connection = this.#connection()
    return await withStore('nats', async () => {
      const options = { msgID: eventId, timeout: APPEND_TIMEOUT_MS }
      const { seq } = await jetstream(connection).publish(subject, data, options)
      return seq
    })
  }

  /**
   * Everything after the number, in order and without a gap, for as long as
   * nothing is odd: then it returns or throws, and whoever calls begins again
   * after the last record that came.
   */
  async follow(afterSequence: number, { onRecord, onAlive }: Following, signal: AbortSignal): Promise<void> {
    const connection = this.#connection()
    const consumer = await withStore('nats', () => openConsumer(connection, afterSequence))
    const messages = await consumer.consume({
      max_messages: PULL_MAX,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: SIGN_OF_LIFE_MS,
    })
    const stop = (): void => messages.stop()
    const stopListening = this.#link.onDisconnected(stop)
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    void watchSigns(messages, onAlive)
    let delivered = 0
    try {
      for await (const message of messages) {
        delivered += 1
        // One was lost on the way here.
        if (message.info.deliverySequence !== delivered) return
        onRecord(recordOf(message))
        onAlive()
      }
    } finally {
      stop()
      stopListening()
      signal.removeEventListener('abort', stop)
      // Otherwise JetStream takes it away by itself, a little later.
      consumer.delete().catch(() => undefined)
    }
  }

  /** What is still there after the number and up to another one that is, in pieces. */
  async *read(afterSequence: number, last: number): AsyncGenerator<readonly LogRecord[]> {
    const connection = this.#connection()
    const consumer = await withStore('nats', () => openConsumer(connection, afterSequence))
    try {
      let position = afterSequence
      while (position < last) {
        const records = await fetch(consumer, Math.min(READ_MAX, last - position))
        const reached = records.at(-1)?.sequence
        if (reached === undefined) throw storeAway('nats', new Error('a read of the log came back empty'))
        position = reached
        yield records.filter(({ sequence }) => sequence <= last)
      }
    } finally {
      consumer.delete().catch(() => undefined)
    }
  }
}

/** In memory and without acknowledgements: what it had given is known here, and a new one begins behind it. */
async function openConsumer(connection: NatsConnection, afterSequence: number): Promise<Consumer> {
  const manager = await jetstreamManager(connection)
  const info = await manager.consumers.add(EVENT_STREAM, {
    name: `admin-${nuid.next()}`,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: afterSequence + 1,
    ack_policy: AckPolicy.None,
    inactive_threshold: INACTIVE_MS * NS_PER_MS,
    mem_storage: true,
    num_replicas: 1,
  })
  return jetstream(connection).consumers.getConsumerFromInfo(info)
}

/** Whatever it fails with, such as a consumer that went with its server, is over once it is tried anew. */
async function fetch(consumer: Consumer, count: number): Promise<readonly LogRecord[]> {
  try {
    const records: LogRecord[] = []
    const fetched = await consumer.fetch({ max_messages: count, expires: READ_EXPIRES_MS })
    for await (const message of fetched) records.push(recordOf(message))
    return records
  } catch (error) {
    throw storeAway('nats', error)
  }
}

/** After which a consumer still gives everything. */
const HARMLESS: ReadonlySet<string> = new Set(['next', 'debug', 'discard', 'flow_control'])

/** The client by itself would go on with a consumer that may have lost its place. */
async function watchSigns(messages: ConsumerMessages, onAlive: () => void): Promise<void> {
  for await (const { type } of messages.status()) {
    if (type === 'heartbeat') onAlive()
    else if (!HARMLESS.has(type)) messages.stop()
  }
}
