/** The composition root of docs. */
import { DocumentServiceDefinition } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { createEventLog, eventStreamSpec } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { ensureStream } from '@hushryd/kernel/stores/jetstream.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo, ensureCollection } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { createAnnouncer } from './announcer.ts'
import { type DocsConfig, s3OptionsOf } from './config.ts'
import { documentsSpec } from './document-record.ts'
import { DocumentStore } from './document-store.ts'
import { createDocsEvents } from './events.ts'
import { createExaminer } from './examiner.ts'
import { Files } from './files.ts'
import { createHandlers } from './handlers.ts'
import { createImageRenewal } from './image.ts'
import { createCdnLinks, createS3Links, type SignLink } from './links.ts'
import { createS3Client, ObjectStore } from './object-store.ts'
import { openingsSpec, recordOpening } from './opening-log.ts'
import { createPdfReader } from './pdf/reader.ts'
import { Pipeline } from './pipeline.ts'
import { Reconciler } from './reconciler.ts'
import { Reviews } from './reviews.ts'
import { createScanner } from './scanner.ts'
import { ScannerWatch } from './scanner-watch.ts'
import { SEALED_BYTES_MAX } from './sealed-file.ts'
import { Sweeper } from './sweeper.ts'
import { createUploadSigner } from './upload-address.ts'
import { Uploads } from './uploads.ts'
import { UsageStore, usageSpec } from './usage-store.ts'
import { createWorkQueue, workStreamSpec } from './work-stream.ts'
import { startWorkers } from './workers.ts'

export interface Docs extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface DocsOverrides {
  readonly logSink?: { write(line: string): void }
  /** Before stream and subject: tests that share a server keep apart by it. */
  readonly namespace?: string
  /** For tests that own the time; timers go on by the real one. */
  readonly nowMs?: () => number
}

const NAME = 'docs'
const SECOND_MS = 1_000
const PREPARE_AGAIN_MS = 1_000
const DUE_EVERY_MS = 1_000
const SCANNER_LOOK_EVERY_MS = 1_000
const COUNT_EVERY_MS = 5_000
const OLD_EVERY_MS = 60_000
const ORPHANS_EVERY_MS = 10 * 60_000
const BACKOFF_MAX_MS = 5_000
/** Of one connection; some 40 KB each while they wait for their turn. */
const CALLS_MAX = 512

export async function startDocs(config: DocsConfig, overrides: DocsOverrides = {}): Promise<Docs> {
  const { logSink, namespace = '', nowMs = Date.now } = overrides
  const log = createLog({
    name: NAME,
    level: config.LOG_LEVEL,
    ...(logSink === undefined ? {} : { sink: logSink }),
  })
  const metrics = createMetrics(NAME)
  const events = createDocsEvents(log, metrics)
  const base = { name: NAME, log, metrics }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const mongo = opened.use(
    await connectMongo({
      ...base,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
  )
  const nats = opened.use(await connectNats({ ...base, url: config.NATS_URL }))
  const publisher = opened.use(createJetStreamPublisher(nats, { log, metrics }))
  const notify = opened.adopt(
    openRpcChannel({ address: config.NOTIFY_ADDR, peer: peerCredential(NAME, config.HUSHRYD_PEER_KEY) }),
    (channel) => channel.close(),
  )
  const s3 = s3OptionsOf(config)
  const client = opened.adopt(createS3Client(s3), (open) => open.destroy())
  // Signs for those outside; it sends nothing itself.
  const signing = opened.adopt(
    createS3Client({ ...s3, endpoint: config.S3_PUBLIC_ENDPOINT ?? s3.endpoint }),
    (open) => open.destroy(),
  )

  const eventLog = createEventLog(publisher, { source: NAME })
  const announcer = createAnnouncer({ eventLog, nats, notify, metrics, nowMs })
  const store = new DocumentStore(mongo)
  const objects = new ObjectStore(client, s3.bucket)
  const queue = createWorkQueue({
    publisher,
    namespace,
    async onNotQueued(documentId, error) {
      events.notQueued(documentId, error)
      await store.hasten(documentId, nowMs())
    },
  })
  const scanner = new ScannerWatch({
    scanner: createScanner({ url: config.CLAMD_URL, timeoutMs: config.DOCS_SCAN_TIMEOUT_MS }),
    eventLog,
    events,
    nowMs,
  })
  const pipeline = new Pipeline({
    store,
    objects,
    examine: createExaminer({
      scanner,
      renewImage: createImageRenewal({ pixelsMax: config.DOCS_PIXELS_MAX }),
      pdfReader: opened.use(createPdfReader()),
    }),
    announcer,
    ring: config.DOCS_KEYS,
    events,
    nowMs,
  })
  const uploads = new Uploads({
    store,
    usage: new UsageStore(mongo),
    objects,
    queue,
    sign: createUploadSigner({
      client: signing,
      bucket: s3.bucket,
      lifeS: Math.ceil(config.DOCS_UPLOAD_MS / SECOND_MS),
    }),
    events,
    quotas: {
      fileBytesMax: config.DOCS_FILE_BYTES_MAX,
      sealedBytesMax: SEALED_BYTES_MAX,
      waitingMax: config.DOCS_WAITING_MAX,
      documentsMax: config.DOCS_PER_USER_MAX,
      bytesPerDayMax: config.DOCS_BYTES_PER_DAY_MAX,
    },
    keptMs: config.DOCS_UPLOAD_KEPT_MS,
    nowMs,
  })
  const files = new Files({
    objects,
    sign: createLinks(config, { client: signing, bucket: s3.bucket }),
    linkMs: config.DOCS_LINK_MS,
    ring: config.DOCS_KEYS,
    recordOpening: (opening) => recordOpening(mongo, opening),
    announcer,
    events,
    nowMs,
  })
  const reviews = new Reviews({ store, pipeline, queue, nowMs })
  const reconciler = new Reconciler({ store, objects, nowMs })
  const sweeper = new Sweeper({
    store,
    queue,
    scanner,
    events,
    keepDays: {
      license: config.DOCS_KEEP_DAYS_LICENSE,
      rc: config.DOCS_KEEP_DAYS_RC,
      insurance: config.DOCS_KEEP_DAYS_INSURANCE,
      photo: config.DOCS_KEEP_DAYS_PHOTO,
      aadhar: config.DOCS_KEEP_DAYS_AADHAR,
    },
    keepRejectedDays: config.DOCS_KEEP_DAYS_REJECTED,
    nowMs,
  })

  const isPrepared = { mongo: false, nats: false }
  async function prepareMongo(): Promise<void> {
    if (isPrepared.mongo) return
    for (const spec of [documentsSpec, usageSpec, openingsSpec]) await ensureCollection(mongo.db, spec)
    isPrepared.mongo = true
  }
  async function prepareNats(signal: AbortSignal): Promise<void> {
    if (isPrepared.nats) return
    await ensureStream(nats, workStreamSpec(namespace, config.DOCS_STREAM_REPLICAS), signal)
    await ensureStream(nats, eventStreamSpec(config.DOCS_STREAM_REPLICAS), signal)
    isPrepared.nats = true
  }
  async function prepare(signal: AbortSignal): Promise<void> {
    const results = await Promise.allSettled([prepareMongo(), prepareNats(signal)])
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
  const loop = (name: string, everyMs: number, run: (signal: AbortSignal) => Promise<void>): void => {
    opened.use(startLoop({ name, everyMs, run, log, backoffMaxMs: Math.max(BACKOFF_MAX_MS, everyMs) }))
  }
  // A store that is away does not stop the start: the loops go on trying.
  await prepare(AbortSignal.timeout(PREPARE_AGAIN_MS)).catch((error: unknown) =>
    log.warn({ err: error }, 'not all stores are prepared at the start; trying on'),
  )
  await scanner.look()
  loop('prepare', PREPARE_AGAIN_MS, prepare)
  loop('scanner', SCANNER_LOOK_EVERY_MS, () => scanner.look())
  loop('due', DUE_EVERY_MS, () => sweeper.sweepDue())
  loop('old', OLD_EVERY_MS, () => sweeper.sweepOld())
  loop('orphans', ORPHANS_EVERY_MS, async () => events.orphansDeleted(await reconciler.sweepIncoming()))
  loop('count', COUNT_EVERY_MS, async () => events.waiting(await store.countWaiting()))
  const workers = startWorkers({
    nats,
    namespace,
    workers: config.DOCS_WORKERS,
    pipeline,
    scanner,
    events,
    log,
  })
  // All are asked to stop before the first is waited for.
  opened.defer(async () => void (await Promise.all(workers.map((worker) => worker.stop()))))

  const rpc = opened.use(
    await startRpcServer({
      ...base,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      streamsMax: CALLS_MAX,
      register: (add) => add(DocumentServiceDefinition, createHandlers({ store, uploads, files, reviews })),
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      ready: async () => ({
        mongo: isPrepared.mongo ? await mongo.check() : 'its collections are not prepared yet',
      }),
      // Without these the state of documents is told, and uploads wait.
      details: async () => ({ s3: await objects.check(), scanner: scanner.state, nats: nats.check() }),
    }),
  )

  const running = opened.move()
  return {
    port: rpc.port,
    opsPort: ops.port,
    async [Symbol.asyncDispose]() {
      await rpc.stop(config.STOP_GRACE_MS)
      await running.disposeAsync()
      log.info('stopped')
    },
  }
}

function createLinks(
  config: DocsConfig,
  s3: Pick<Parameters<typeof createS3Links>[0], 'client' | 'bucket'>,
): SignLink {
  const { CDN_URL: url, CDN_KEY_PAIR_ID: keyPairId, CDN_PRIVATE_KEY: privateKey } = config
  const lifeS = Math.ceil(config.DOCS_LINK_MS / SECOND_MS)
  return url === undefined || keyPairId === undefined || privateKey === undefined
    ? createS3Links({ ...s3, lifeS })
    : createCdnLinks({ url, keyPairId, privateKey, lifeS })
}
