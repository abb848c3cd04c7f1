/** The composition root of notify. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createEventLog } from '@hushryd/kernel/event-log.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { startLoop } from '@hushryd/kernel/loop.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { peerCredential, peerTrustOf } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { Announcer } from './announcer.ts'
import { startBatchQueue } from './batch-queue.ts'
import type { NotifyConfig } from './config.ts'
import { DeadLetters } from './dead-letters.ts'
import { encodeTally } from './delivery.ts'
import { DeliveryCounts } from './delivery-counts.ts'
import { DeliveryPeers } from './delivery-peers.ts'
import { Direct } from './direct.ts'
import { createNotifyEvents, keptMetric } from './events.ts'
import { Expander } from './expander.ts'
import { createHandlers } from './handlers.ts'
import { Handovers } from './handover.ts'
import { Intake } from './intake.ts'
import { Lane } from './lane.ts'
import { CHANNELS, PRIORITIES } from './notification.ts'
import { openOnCall } from './on-call.ts'
import { PLAN_LIMITS, type PlanLimits } from './plan.ts'
import type { Provider, ProviderName } from './provider.ts'
import { ProviderLink } from './provider-link.ts'
import { createProviders } from './providers/providers.ts'
import { startReceiptQueue } from './receipt-queue.ts'
import { type EarlyDocument, earlyReceiptsSpec, Receipts } from './receipts.ts'
import { Recipients } from './recipients.ts'
import { RecordStore } from './record-store.ts'
import { Records } from './records.ts'
import { Sender } from './sender.ts'
import { prepareMongo, prepareStreams, watchQueue } from './storage.ts'
import { type SuppressionDocument, Suppressions, suppressionsSpec } from './suppressions.ts'
import { readTemplates } from './template-files.ts'
import { Timers } from './timers.ts'
import { createWebhookReader, type ReadWebhook } from './webhooks/reader.ts'

export interface Notify extends AsyncDisposable {
  readonly port: number
  readonly opsPort: number
}

export interface NotifyOverrides {
  readonly logSink?: { write(line: string): void }
  readonly providers?: readonly Provider[]
  readonly readWebhook?: ReadWebhook
  readonly limits?: PlanLimits
  /** Before the names of streams and subjects: for tests that share a server. */
  readonly namespace?: string
}

const NAME = 'notify'
const PROCESS_ID_BYTES = 4
/** Callers of QueueNotification wait for it, and MongoDB is there as well. */
const PUBLISH_TIMEOUT_MS = 2_000
const WATCH_QUEUE_EVERY_MS = 5_000
const PREPARE_AGAIN_MS = 1_000

export async function startNotify(config: NotifyConfig, overrides: NotifyOverrides = {}): Promise<Notify> {
  const { logSink, namespace = '' } = overrides
  const limits: PlanLimits = { ...(overrides.limits ?? PLAN_LIMITS), budgetMs: config.NOTIFY_BUDGET_MS }
  const log = createLog({
    name: NAME,
    level: config.LOG_LEVEL,
    ...(logSink === undefined ? {} : { sink: logSink }),
  })
  const metrics = createMetrics(NAME)
  const nowMs = (): number => Date.now()
  const counts = new DeliveryCounts(nowMs)
  const events = createNotifyEvents(log, metrics, counts)
  const ring = config.NOTIFY_KEYS
  const base = { name: NAME, log, metrics }
  const templates = await readTemplates()
  const readOnCall = await openOnCall(config.NOTIFY_ON_CALL_FILE, events.onCallUnreadable)
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
  const publisher = opened.use(
    createJetStreamPublisher(nats, { log, metrics, ackTimeoutMs: PUBLISH_TIMEOUT_MS }),
  )
  const directory = openRpcChannel({
    address: config.DIRECTORY_ADDR,
    peer: peerCredential(NAME, config.HUSHRYD_PEER_KEY),
  })
  opened.defer(() => directory.close())

  const store = new RecordStore(mongo, config.MONGO_POOL_MAX)
  const eventLog = createEventLog(publisher, { source: NAME })
  const announcer = new Announcer({ publisher, eventLog, events, namespace })
  const records = new Records({
    store,
    tell: (notification) => announcer.tell(notification),
    onKept: events.kept,
    nowMs,
  })
  metrics.gauge(keptMetric, () => records.keptCount)
  const suppressions = new Suppressions({
    collection: mongo.db.collection<SuppressionDocument>(suppressionsSpec.name),
    store,
    ring,
    events,
    nowMs,
    lastsMs: config.NOTIFY_SUPPRESSION_MS,
  })
  const receipts = new Receipts({
    records,
    store,
    early: mongo.db.collection<EarlyDocument>(earlyReceiptsSpec.name),
    suppressions,
    publisher,
    events,
    namespace,
    nowMs,
  })
  const recipients = new Recipients({ channel: directory, metrics, readOnCall })
  const links = new Map<ProviderName, ProviderLink>()
  for (const provider of overrides.providers ?? createProviders(config, log)) {
    links.set(
      provider.name,
      new ProviderLink(provider, {
        concurrencyMax: config.NOTIFY_PROVIDER_CONCURRENCY_MAX,
        ratePerSecond: config.NOTIFY_PROVIDER_RATE_MAX,
        failuresMax: config.NOTIFY_BREAKER_FAILURES,
        openMs: config.NOTIFY_BREAKER_OPEN_MS,
        events,
      }),
    )
  }
  const peers = new DeliveryPeers({
    nats,
    namespace,
    processId: `${hostname()}-${randomBytes(PROCESS_ID_BYTES).toString('hex')}`,
    startedMs: nowMs(),
    readOwn(fromMs) {
      const recent = counts.since(fromMs)
      return [...links.values()].map((link) => encodeTally(link, recent.get(link.provider.name)))
    },
    clock: systemClock,
  })
  opened.defer(peers.listen())
  const handovers = new Handovers({ records, suppressions, events, nowMs })
  const expander = new Expander({ records, recipients, limits, events, nowMs })
  const sender = new Sender({
    records,
    recipients,
    suppressions,
    receipts,
    handovers,
    expander,
    templates,
    links,
    limits,
    quietHours: { zone: config.NOTIFY_ZONE, ...config.NOTIFY_QUIET_HOURS },
    ring,
    events,
    nowMs,
  })
  const workers = {
    high: config.NOTIFY_WORKERS_HIGH,
    normal: config.NOTIFY_WORKERS_NORMAL,
    low: config.NOTIFY_WORKERS_LOW,
  }

  const prepared = { mongo: false, streams: false }
  async function prepareCollections(): Promise<void> {
    if (!prepared.mongo) await prepareMongo(mongo)
    prepared.mongo = true
  }
  async function prepareQueue(signal?: AbortSignal): Promise<void> {
    if (!prepared.streams) await prepareStreams(nats, config, namespace, signal)
    prepared.streams = true
  }
  // A store that is away does not stop the start: the other one takes what comes.
  const firstTries = [prepareCollections(), ...(nats.isConnected ? [prepareQueue()] : [])]
  for (const first of await Promise.allSettled(firstTries))
    if (first.status === 'rejected') log.warn({ err: first.reason }, 'a store is away at the start')
  const preparing = { everyMs: WATCH_QUEUE_EVERY_MS, backoffMaxMs: PREPARE_AGAIN_MS, log }
  opened.use(startLoop({ ...preparing, name: 'collections', run: prepareCollections }))
  opened.use(
    startLoop({
      ...preparing,
      name: 'streams',
      async run(signal) {
        await prepareQueue(signal)
        try {
          await watchQueue(nats, namespace, events)
        } catch (error) {
          // It may be gone: the next run makes it again.
          prepared.streams = false
          throw error
        }
      },
    }),
  )
  opened.use(new Timers({ records, sender, log, nowMs, workers }))
  for (const priority of PRIORITIES) {
    for (const channel of CHANNELS) {
      opened.use(
        new Lane(
          { link: nats, records, sender, events, log, namespace, nowMs },
          { priority, channel, workers: workers[priority] },
        ),
      )
    }
  }
  opened.use(startReceiptQueue({ link: nats, receipts, events, log, namespace }))
  opened.use(startBatchQueue({ link: nats, publisher, ring, log, namespace }))

  const direct = new Direct({ records, handovers, links, events, nowMs })
  const intake = new Intake({ publisher, store, templates, ring, events, namespace, nowMs })
  const readWebhook = overrides.readWebhook ?? createWebhookReader(config, { log })
  const rpc = opened.use(
    await startRpcServer({
      ...base,
      host: config.HOST,
      port: config.PORT,
      trust: peerTrustOf(config),
      register: (add) =>
        add(
          NotifyServiceDefinition,
          createHandlers({
            intake,
            direct,
            records,
            recipients,
            receipts,
            deadLetters: new DeadLetters({ records, eventLog, nowMs }),
            peers,
            suppressions,
            templates,
            readWebhook,
            events,
            nowMs,
          }),
        ),
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      ready: async () => {
        const mongoState = prepared.mongo ? await mongo.check() : 'its collections are not prepared yet'
        const natsState = prepared.streams ? nats.check() : 'its streams are not prepared yet'
        const hasOne = mongoState === 'ok' || natsState === 'ok'
        return { stores: hasOne ? 'ok' : `MongoDB: ${mongoState}; NATS: ${natsState}` }
      },
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
