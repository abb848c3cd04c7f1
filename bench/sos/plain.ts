/** The two plain ways, with stores of their own. */
import { Client, credentials } from '@grpc/grpc-js'
import { TriggerSosRequest, TriggerSosResponse } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { startMongo } from '../../local/servers/mongo.ts'
import { startNats } from '../../local/servers/nats.ts'
import { startValkey } from '../../local/servers/valkey.ts'
import { type PlainAlert, SOS_QUEUE, TRIGGER_PATH } from '../peers/sos-work.ts'
import { type SosSystem, startPeer, startStores } from './system.ts'

/** A burst is on its way for that long at most; what is not done by then counts as failed. */
const CALL_MS_MAX = 120_000

export async function startBullMq(): Promise<SosSystem> {
  await using opened = new AsyncDisposableStack()
  const { redis, mongo } = await startStores(opened, { redis: startValkey, mongo: startMongo })
  const connection = new Redis(redis.url)
  opened.defer(() => connection.disconnect())
  const queue = new Queue<PlainAlert>(SOS_QUEUE, { connection })
  opened.defer(() => queue.close())
  const worker = opened.use(
    await startPeer('bullmq-sos.ts', [redis.url, mongo.url], (alertId) => system.onDone(alertId)),
  )
  const running = opened.move()
  const system: SosSystem = {
    name: 'BullMQ',
    onDone: () => undefined,
    raise(alerts) {
      for (const alert of alerts) {
        queue
          .add('trigger', alert, { priority: 1, attempts: 3, removeOnComplete: true })
          .catch((error: unknown) => system.onDone(alert.alertId, String(error)))
      }
    },
    pids: new Map([
      ['worker', worker.pid],
      ['redis', redis.pid],
      ['mongo', mongo.pid],
    ]),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
  return system
}

export async function startUnary(): Promise<SosSystem> {
  await using opened = new AsyncDisposableStack()
  const { nats, mongo } = await startStores(opened, { nats: startNats, mongo: startMongo })
  const server = opened.use(await startPeer('unary-sos.ts', [nats.url, mongo.url]))
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure())
  opened.defer(() => client.close())
  const running = opened.move()
  const system: SosSystem = {
    name: 'unary gRPC',
    onDone: () => undefined,
    raise(alerts) {
      for (const { alertId, tripId, location } of alerts) {
        client.makeUnaryRequest(
          TRIGGER_PATH,
          (request: TriggerSosRequest) => Buffer.from(TriggerSosRequest.encode(request).finish()),
          (bytes) => TriggerSosResponse.decode(bytes),
          TriggerSosRequest.fromPartial({ alertId, tripId, location }),
          { deadline: Date.now() + CALL_MS_MAX },
          (error) => system.onDone(alertId, error?.message),
        )
      }
    },
    pids: new Map([
      ['server', server.pid],
      ['nats', nats.pid],
      ['mongo', mongo.pid],
    ]),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
  return system
}
