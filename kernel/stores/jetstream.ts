/** Streams and consumers of JetStream. */
import {
  type Consumer,
  type ConsumerConfig,
  type JsMsg,
  jetstream,
  jetstreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import type { NatsLink } from './nats.ts'
import { withStore } from './store-error.ts'

export type StreamSpec = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>

export type ConsumerSpec = Partial<ConsumerConfig> & { readonly durable_name: string }

/**
 * For `consume()` of a durable consumer. The client by itself waits for ever for
 * one that is gone: with these its messages end with an error, and whoever reads
 * them makes it again. Where a request is lost, as when the consumer has got
 * another leader, it is noticed after two heartbeats and not half a minute. They
 * come only while a request is open, so what is asked for ahead is worked off
 * within one, mostly.
 */
export const CONSUMING = { abort_on_missing_resource: true, expires: 10_000, idle_heartbeat: 5_000 } as const

/** JetStream's code for "stream not found". */
const STREAM_NOT_FOUND = 10_059
/** For a stream of that name with another configuration. */
const STREAM_EXISTS = 10_058
/** And for a consumer of that name whose description is another one. */
const CONSUMER_EXISTS = 10_148

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Creates the stream, or brings it to what the spec says. Waits for NATS; several processes may do it at once. */
export async function ensureStream(link: NatsLink, spec: StreamSpec, signal?: AbortSignal): Promise<void> {
  const connection = await link.connected(signal)
  await withStore('nats', async () => {
    const manager = await jetstreamManager(connection)
    try {
      await manager.streams.update(spec.name, spec)
    } catch (error) {
      if (codeOf(error) !== STREAM_NOT_FOUND) throw error
      await manager.streams.add(spec)
    }
  })
}

/** Creates the stream where it is not there yet, for those who write to another's: how it is stays its owner's. */
export async function ensureStreamExists(
  link: NatsLink,
  spec: StreamSpec,
  signal?: AbortSignal,
): Promise<void> {
  const connection = await link.connected(signal)
  await withStore('nats', async () => {
    const manager = await jetstreamManager(connection)
    try {
      await manager.streams.add(spec)
    } catch (error) {
      if (codeOf(error) !== STREAM_EXISTS) throw error
    }
  })
}

/**
 * The durable consumer, created or brought to what the spec says: one that an
 * earlier release has left is changed, where JetStream by itself refuses.
 */
export async function ensureConsumer(
  link: NatsLink,
  stream: string,
  spec: ConsumerSpec,
  signal?: AbortSignal,
): Promise<Consumer> {
  const name = spec.durable_name
  const connection = await link.connected(signal)
  return await withStore('nats', async () => {
    const manager = await jetstreamManager(connection)
    try {
      await manager.consumers.add(stream, spec)
    } catch (error) {
      if (codeOf(error) !== CONSUMER_EXISTS) throw error
      await manager.consumers.update(stream, name, spec)
    }
    return await jetstream(connection).consumers.get(stream, name)
  })
}

/**
 * Gives a message back, to come again after that time. In whole milliseconds:
 * JetStream takes a time that is no whole number of nanoseconds for none, and
 * would bring the message back at once, again and again.
 */
export function redeliverAfter(message: Pick<JsMsg, 'nak'>, afterMs: number): void {
  message.nak(Math.ceil(afterMs))
}
