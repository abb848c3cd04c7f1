/** The only reader of this service's environment. */
import {
  addressSettings,
  checkPeerSettings,
  commonSettings,
  mongoSettings,
  natsSettings,
  portSettings,
  processSettings,
} from '@hushryd/kernel/common-settings.ts'
import { type ConfigOf, durationMs, type Environment, integer, readEnv } from '@hushryd/kernel/config.ts'
import { PARTITIONS_DEFAULT } from '@hushryd/kernel/partition.ts'

const streamSettings = {
  LOCATION_STREAM_REPLICAS: integer({
    default: 1,
    min: 1,
    max: 5,
    doc: 'Copies of the JetStream stream LOCATION; 3 where the cluster has 3 servers.',
  }),
  LOCATION_STREAM_BYTES_MAX: integer({
    default: 1_073_741_824,
    min: 1_048_576,
    doc: 'Size of the stream LOCATION, oldest dropped first. At 25,000 positions a second an hour takes 16 GB.',
  }),
} as const

export const locationSettings = {
  ...commonSettings,
  ...portSettings(7001),
  DIRECTORY_ADDR: addressSettings.DIRECTORY_ADDR,
  ...streamSettings,
  LOCATION_WINDOW_MS: durationMs({
    default: 50,
    min: 5,
    max: 1_000,
    doc: 'Batch window: only the newest position of each person in a window is stored and sent on.',
  }),
  LOCATION_PARTITIONS: integer({
    default: PARTITIONS_DEFAULT,
    min: 1,
    max: 1_024,
    doc: 'Partitions of trips; the same for every edge, pod and history writer.',
  }),
  LOCATION_SPEED_MAX_MPS: integer({
    default: 70,
    min: 1,
    max: 10_000,
    doc: 'A position that would need more metres a second than this since the last good one is suspect.',
  }),
  LOCATION_REANCHOR_AFTER: integer({
    default: 10,
    min: 2,
    max: 1_000,
    doc: 'So many suspect positions in a row that agree with each other are believed.',
  }),
  LOCATION_STALE_AFTER_MS: durationMs({
    default: 30_000,
    min: 1_000,
    doc: 'A driver on an active trip who is silent for this long raises trip.stale.',
  }),
  LOCATION_STALE_SWEEP_MS: durationMs({
    default: 5_000,
    min: 100,
    doc: 'How often silent drivers are looked for.',
  }),
  LOCATION_LOOKUP_TIMEOUT_MS: durationMs({
    default: 2_000,
    min: 50,
    doc: 'How long a position of an unknown trip waits for the directory before it is refused.',
  }),
  LOCATION_FEED_WAITING_MAX: integer({
    default: 20_000,
    min: 1,
    doc: 'Flushes that wait in memory while NATS is away, oldest dropped first.',
  }),
  LOCATION_FEED_WAITING_BYTES_MAX: integer({
    default: 134_217_728,
    min: 1_048_576,
    doc: 'Bytes of flushes that wait in memory while NATS is away.',
  }),
} as const

export type LocationConfig = ConfigOf<typeof locationSettings>

export function readLocationConfig(env: Environment): LocationConfig {
  return readEnv(env, locationSettings, checkPeerSettings)
}

export const historySettings = {
  ...processSettings,
  ...natsSettings,
  ...mongoSettings,
  ...streamSettings,
  OPS_PORT: integer({
    default: 9021,
    min: 0,
    max: 65_535,
    doc: 'HTTP port of /metrics, /healthz and /readyz; 0 picks a free one.',
  }),
  HISTORY_GATHER_MS: durationMs({
    default: 10_000,
    min: 1_000,
    max: 20_000,
    doc: 'How long the history writer gathers before it writes: a time series costs MongoDB a bucket a trip and write, so ten positions of a trip at once cost a sixth of ten writes.',
  }),
  HISTORY_BATCH_MAX: integer({
    default: 5_000,
    min: 1,
    max: 50_000,
    doc: 'Most positions in one write to MongoDB.',
  }),
} as const

export type HistoryConfig = ConfigOf<typeof historySettings>

export function readHistoryConfig(env: Environment): HistoryConfig {
  return readEnv(env, historySettings)
}
