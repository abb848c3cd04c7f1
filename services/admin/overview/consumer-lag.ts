/** What waits in JetStream, over all streams and their durable consumers. */
import type { ConsumerLag } from '@hushryd/gen/hushryd/admin/v1/overview.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { storeAway, withStore } from '@hushryd/kernel/stores/store-error.ts'
import { jetstreamManager } from '@nats-io/jetstream'

/** Of one stream; beyond it something makes consumers without end. */
const CONSUMERS_MAX = 200

export async function readConsumerLag(link: NatsLink): Promise<ConsumerLag[]> {
  const { connection, isConnected } = link
  if (connection === undefined || !isConnected) throw storeAway('nats')
  return await withStore('nats', async () => {
    const manager = await jetstreamManager(connection)
    const streams: string[] = []
    for await (const name of manager.streams.names()) streams.push(name)
    const lags = await Promise.all(
      streams.sort().map(async (stream) => {
        const found: ConsumerLag[] = []
        for await (const { config, ...info } of manager.consumers.list(stream)) {
          // Those without a durable name are someone's reading, and go with them.
          if (config.durable_name === undefined) continue
          found.push({
            stream,
            consumer: config.durable_name,
            pending: info.num_pending,
            unacknowledged: info.num_ack_pending,
            redelivered: info.num_redelivered,
          })
          if (found.length === CONSUMERS_MAX) break
        }
        return found.sort((one, other) => (one.consumer < other.consumer ? -1 : 1))
      }),
    )
    return lags.flat()
  })
}
