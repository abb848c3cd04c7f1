/**
 * The connections to MongoDB and NATS, and what has to be there. Alerts have
 * some of their own: neither lists nor escalations stand before them in a line.
 */
import { eventStreamSpec } from '@hushryd/kernel/event-log.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { ensureStream, ensureStreamExists } from '@hushryd/kernel/stores/jetstream.ts'
import {
  createJetStreamPublisher,
  type JetStreamPublisher,
} from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo, ensureCollection, type MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats, type NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { alertsSpec } from './alert-document.ts'
import { streamSpec } from './alert-stream.ts'
import type { SosConfig } from './config.ts'
import { openBatchesSpec } from './open-batches.ts'
import { pinsSpec } from './pin-store.ts'

export interface StoreLinks {
  readonly mongo: MongoLink
  readonly nats: NatsLink
  readonly publisher: JetStreamPublisher
}

export interface Stores extends AsyncDisposable {
  /** For alerts on their way in. */
  readonly intake: StoreLinks
  /** For everything else. */
  readonly rest: StoreLinks
  /** `ok` while one of the two takes alerts. */
  check(): Promise<string>
}

export interface StoresOptions {
  readonly name: string
  readonly namespace: string
  readonly log: Log
  readonly metrics: Metrics
}

const PREPARE_AGAIN_MS = 1_000
/** Streams are there, mostly. */
const LOOK_AGAIN_MS = 5_000
/** A leg does not wait longer for an acknowledgement than this, far beyond its budget. */
const ACK_TIMEOUT_MS = 3_000
/** An event for each alert of the largest batches that are under way at once. */
const IN_FLIGHT_MAX = 100_000

async function openLinks(name: string, config: SosConfig, options: StoresOptions): Promise<StoreLinks> {
  const { log, metrics } = options
  const [mongo, nats] = await Promise.all([
    connectMongo({
      name,
      log,
      metrics,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
    connectNats({ name, log, metrics, url: config.NATS_URL }),
  ])
  const publisher = createJetStreamPublisher(nats, {
    log,
    metrics,
    ackTimeoutMs: ACK_TIMEOUT_MS,
    inFlightMax: IN_FLIGHT_MAX,
  })
  return { mongo, nats, publisher }
}

/** A store that is away does not stop the start: the other one takes alerts. */
export async function openStores(config: SosConfig, options: StoresOptions): Promise<Stores> {
  const { name, namespace, log } = options
  await using opened = new AsyncDisposableStack()
  const [intake, rest] = await Promise.all([
    openLinks(`${name}-intake`, config, options),
    openLinks(name, config, options),
  ])
  for (const { mongo, nats, publisher } of [intake, rest]) {
    opened.use(mongo)
    opened.use(nats)
    opened.use(publisher)
  }
  const { mongo, nats } = rest
  const isPrepared = { mongo: false, nats: false }

  async function prepareMongo(): Promise<void> {
    if (isPrepared.mongo) return
    for (const spec of [openBatchesSpec, alertsSpec, pinsSpec]) await ensureCollection(mongo.db, spec)
    isPrepared.mongo = true
  }

  async function prepareNats(signal: AbortSignal): Promise<void> {
    const replicas = config.SOS_STREAM_REPLICAS
    const alerts = streamSpec({ namespace, replicas })
    // Looked at for ever: one that NATS has lost is made again.
    if (isPrepared.nats) await ensureStreamExists(nats, alerts, signal)
    else await ensureStream(nats, alerts, signal)
    await ensureStreamExists(nats, eventStreamSpec(replicas), signal)
    isPrepared.nats = true
  }

  async function prepare(signal: AbortSignal): Promise<void> {
    const results = await Promise.allSettled([prepareMongo(), prepareNats(signal)])
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  await prepare(AbortSignal.timeout(PREPARE_AGAIN_MS)).catch((error: unknown) =>
    log.warn({ err: error }, 'not all stores are prepared at the start; trying on'),
  )
  const loop = { name: 'prepare', everyMs: LOOK_AGAIN_MS, backoffMaxMs: PREPARE_AGAIN_MS, log }
  opened.use(startLoop({ ...loop, run: prepare }))
  const running = opened.move()
  return {
    intake,
    rest,
    async check() {
      const mongoState = isPrepared.mongo ? await mongo.check() : 'its collections are not prepared yet'
      const natsState = isPrepared.nats ? nats.check() : 'its streams are not prepared yet'
      const hasOne = mongoState === 'ok' || natsState === 'ok'
      return hasOne ? 'ok' : `MongoDB: ${mongoState}; NATS: ${natsState}`
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
