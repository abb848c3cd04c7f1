/** The operations room's stream, for tests of services that only write to it. */
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { eventStreamSpec } from '../event-log.ts'

/** Test files share it, and each may be the first. */
export async function ensureEventLog(nats: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(nats)
  await manager.streams.add(eventStreamSpec(1)).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes('already in use')) throw error
  })
}
