/** The composition root of the history writer, a process of its own: a slow database delays no position. */
import { systemClock } from '@hushryd/kernel/clock.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { startOpsServer } from '@hushryd/kernel/ops-server.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import type { HistoryConfig } from './config.ts'
import { openHistoryConsumer } from './history-consumer.ts'
import { createHistoryEvents } from './history-events.ts'
import { HistoryLag } from './history-lag.ts'
import { createHistoryStore } from './history-store.ts'
import { startHistoryWriter } from './history-writer.ts'
import { keepLocationStream } from './location-stream.ts'

export interface History extends AsyncDisposable {
  readonly opsPort: number
}

export interface HistoryOverrides {
  readonly logSink?: { write(line: string): void }
}

const NAME = 'location-history'

export async function startHistory(
  config: HistoryConfig,
  { logSink }: HistoryOverrides = {},
): Promise<History> {
  const log = createLog({
    name: NAME,
    level: config.LOG_LEVEL,
    ...(logSink === undefined ? {} : { sink: logSink }),
  })
  const metrics = createMetrics(NAME)
  const parts = { name: NAME, log, metrics }
  // What is opened is closed in the opposite order, also where a later step of the start fails.
  await using opened = new AsyncDisposableStack()

  const [mongo, nats] = await Promise.all([
    connectMongo({
      ...parts,
      url: config.MONGO_URL,
      db: config.MONGO_DB,
      maxPoolSize: config.MONGO_POOL_MAX,
    }),
    connectNats({ ...parts, url: config.NATS_URL }),
  ])
  opened.use(mongo)
  opened.use(nats)
  opened.use(keepLocationStream({ link: nats, config, log }))
  const consumer = opened.use(openHistoryConsumer({ link: nats, log, gatherMs: config.HISTORY_GATHER_MS }))
  opened.use(
    startHistoryWriter({
      consumer,
      store: createHistoryStore(mongo),
      batchMax: config.HISTORY_BATCH_MAX,
      events: createHistoryEvents(log, metrics),
      lag: new HistoryLag(systemClock, metrics),
      log,
    }),
  )
  const ops = opened.use(
    await startOpsServer({
      host: config.HOST,
      port: config.OPS_PORT,
      metrics,
      ready: async () => ({ nats: nats.check(), mongo: await mongo.check() }),
    }),
  )

  const running = opened.move()
  return {
    opsPort: ops.port,
    async [Symbol.asyncDispose]() {
      await running.disposeAsync()
      log.info('stopped')
    },
  }
}
