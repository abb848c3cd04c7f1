/** The operations room's log as it lies in JetStream, whole. */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { TestSystem } from '@hushryd/local/testing/start-system.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

const STREAM = 'ADMIN'
const READ_MS_MAX = 10_000

export async function readOperationsLog(system: TestSystem): Promise<Event[]> {
  const nats = await connect({ servers: system.plan.stores.natsUrl.split(',') })
  try {
    const { state } = await (await jetstreamManager(nats)).streams.info(STREAM)
    if (state.messages === 0) return []
    const consumer = await jetstream(nats).consumers.get(STREAM)
    const events: Event[] = []
    const fetched = await consumer.fetch({ max_messages: state.messages, expires: READ_MS_MAX })
    for await (const { data } of fetched) events.push(Event.decode(data))
    return events
  } finally {
    await nats.close()
  }
}
