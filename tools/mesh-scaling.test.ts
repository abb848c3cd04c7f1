/** What the number of workers follows in the cluster, held against the streams and consumers that the code makes. */
import { expect, test } from 'vitest'
import { baseManifests, readManifests } from '../mesh/kubernetes/base-manifests.ts'
import { WORK_CONSUMER, workStream } from '../services/docs/work-stream.ts'
import { HISTORY_CONSUMER } from '../services/location/history-consumer.ts'
import { LOCATION_STREAM } from '../services/location/location-stream.ts'
import { CHANNELS, PRIORITIES } from '../services/notify/notification.ts'
import { streamNames } from '../services/notify/streams.ts'
import { readText } from './sources.ts'

interface Scaled {
  readonly spec: {
    readonly triggers: readonly {
      readonly type: string
      readonly metadata: Readonly<Record<string, string>>
    }[]
  }
}

const NOTIFY_STREAM = streamNames('').queue
const MADE: ReadonlySet<string> = new Set([
  `location-history ${LOCATION_STREAM} ${HISTORY_CONSUMER}`,
  `docs ${workStream('')} ${WORK_CONSUMER.durable_name}`,
  `notify ${NOTIFY_STREAM} batches`,
  ...PRIORITIES.flatMap((priority) =>
    CHANNELS.map((channel) => `notify ${NOTIFY_STREAM} ${priority}-${channel}`),
  ),
])
/** The lowest may wait as long as it takes. */
const WAITS = /^notify \S+ low-/

const LAGS = baseManifests<Scaled>('ScaledObject').flatMap(({ metadata, spec }) =>
  spec.triggers
    .filter(({ type }) => type === 'nats-jetstream')
    .map((trigger) => ({ name: metadata.name, of: trigger.metadata })),
)

test('every lag that is followed is of a consumer that the code makes, and every worker follows its own', () => {
  expect(readText('services/notify/batch-queue.ts')).toContain("name: 'batches'")
  const followed = LAGS.map(({ name, of }) => `${name} ${of.stream} ${of.consumer}`)
  expect(followed.sort()).toEqual([...MADE].filter((made) => !WAITS.test(made)).sort())
})

test('lag is asked of the servers by a service that gives each a name of its own', () => {
  const nats = readManifests('../stores/nats.yaml') as unknown as readonly {
    kind: string
    spec: { serviceName?: string }
  }[]
  const named = nats.find(({ kind }) => kind === 'StatefulSet')?.spec.serviceName
  const asked = new Set(LAGS.map(({ of }) => of.natsServerMonitoringEndpoint))
  expect([...asked]).toEqual([`${named}.hushryd-stores.svc.cluster.local:8222`])
})
