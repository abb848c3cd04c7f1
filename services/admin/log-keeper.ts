/** The stream and what stands around it: made once, looked at now and then. */
import { EVENT_STREAM, eventStreamSpec } from '@hushryd/kernel/event-log.ts'
import { ensureStream } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { withStore } from '@hushryd/kernel/stores/store-error.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { ARCHIVE_CONSUMER } from './archiver.ts'

/** JetStream's code. */
const CONSUMER_NOT_FOUND = 10_014

export interface LogSize {
  readonly replicas: number
  readonly bytesMax: number
}

export async function keepStream(link: NatsLink, { replicas, bytesMax }: LogSize, signal: AbortSignal) {
  await ensureStream(link, { ...eventStreamSpec(replicas), max_bytes: bytesMax }, signal)
}

/** Events that the archive does not have yet. */
export async function countUnarchived(link: NatsLink): Promise<number> {
  const connection = await link.connected()
  return await withStore('nats', async () => {
    const manager = await jetstreamManager(connection)
    try {
      const info = await manager.consumers.info(EVENT_STREAM, ARCHIVE_CONSUMER)
      return info.num_pending + info.num_ack_pending
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === CONSUMER_NOT_FOUND)) throw error
      // Nothing was ever archived, as where MongoDB has not been there yet.
      return (await manager.streams.info(EVENT_STREAM)).state.messages
    }
  })
}
