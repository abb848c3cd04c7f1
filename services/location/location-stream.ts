/** The JetStream stream LOCATION: what it holds, and that it is there whenever NATS is. */
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { ensureStream, type StreamSpec } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'

export const LOCATION_STREAM = 'LOCATION'

/** As far as a history writer may fall behind before it loses positions. */
const STREAM_AGE_MS = 3_600_000
/** Repeats of a publish whose acknowledgement was lost; later ones are the readers' to tell apart. */
const DEDUPE_MS = 120_000
const NS_PER_MS = 1_000_000

export function partitionSubject(partition: number): string {
  return `location.p.${partition}`
}

interface StreamConfig {
  readonly LOCATION_STREAM_REPLICAS: number
  readonly LOCATION_STREAM_BYTES_MAX: number
}

function streamSpec(config: StreamConfig): StreamSpec {
  return {
    name: LOCATION_STREAM,
    subjects: ['location.p.*'],
    max_age: STREAM_AGE_MS * NS_PER_MS,
    max_bytes: config.LOCATION_STREAM_BYTES_MAX,
    duplicate_window: DEDUPE_MS * NS_PER_MS,
    num_replicas: config.LOCATION_STREAM_REPLICAS,
  }
}

const LOOK_EVERY_MS = 500
const BACKOFF_MAX_MS = 5_000

export interface StreamKeeperOptions {
  readonly link: NatsLink
  readonly config: StreamConfig
  readonly log: Log
}

/** Ensures the stream once a connection: a NATS that comes back may have lost its data. */
export function keepLocationStream({ link, config, log }: StreamKeeperOptions): Loop {
  const spec = streamSpec(config)
  let isEnsured = false
  const stopFollowing = link.onDisconnected(() => {
    isEnsured = false
  })
  const loop = startLoop({
    name: 'location-stream',
    everyMs: LOOK_EVERY_MS,
    backoffMaxMs: BACKOFF_MAX_MS,
    log,
    async run(signal) {
      if (isEnsured || !link.isConnected) return
      isEnsured = true
      try {
        await ensureStream(link, spec, signal)
      } catch (error) {
        isEnsured = false
        throw error
      }
    },
  })
  const stop = async (): Promise<void> => {
    stopFollowing()
    await loop.stop()
  }
  return { stop, [Symbol.asyncDispose]: stop }
}
