/** Collections and streams as this service needs them, and how much waits in the queue. */
import { queueSubject } from '@hushryd/kernel/queued-notification.ts'
import { ensureStream } from '@hushryd/kernel/stores/jetstream.ts'
import { ensureCollection, type MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { withStore } from '@hushryd/kernel/stores/store-error.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NotifyConfig } from './config.ts'
import type { NotifyEvents } from './events.ts'
import { CHANNELS, PRIORITIES } from './notification.ts'
import { earlyReceiptsSpec } from './receipts.ts'
import { notificationsSpec } from './record-document.ts'
import { streamNames, streamSpecs } from './streams.ts'
import { suppressionsSpec } from './suppressions.ts'

export async function prepareMongo({ db }: MongoLink): Promise<void> {
  for (const spec of [notificationsSpec, earlyReceiptsSpec, suppressionsSpec])
    await ensureCollection(db, spec)
}

export async function prepareStreams(
  link: NatsLink,
  { NOTIFY_STREAM_REPLICAS, NOTIFY_STREAM_BYTES_MAX }: NotifyConfig,
  namespace: string,
  signal?: AbortSignal,
): Promise<void> {
  const specs = streamSpecs({
    namespace,
    replicas: NOTIFY_STREAM_REPLICAS,
    bytesMax: NOTIFY_STREAM_BYTES_MAX,
  })
  for (const spec of specs) await ensureStream(link, spec, signal)
}

/** For the metric: what nobody has acknowledged, which is what no record holds yet. */
export async function watchQueue(link: NatsLink, namespace: string, events: NotifyEvents): Promise<void> {
  const { connection } = link
  if (connection === undefined || !link.isConnected) return
  const manager = await jetstreamManager(connection)
  const { state } = await withStore('nats', () =>
    manager.streams.info(streamNames(namespace).queue, { subjects_filter: `${namespace}notify.q.>` }),
  )
  for (const priority of PRIORITIES) {
    const counts = CHANNELS.map(
      (channel) => state.subjects?.[queueSubject(namespace, priority, channel)] ?? 0,
    )
    events.waiting(
      priority,
      counts.reduce((sum, count) => sum + count, 0),
    )
  }
}
