/** A real sos on free ports, between stores that the test may bend, and clients that call it. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { GetTripResponse } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import {
  type NotificationOutcome,
  NotificationOutcome as NotificationOutcomeCodec,
  QueuedBatch,
  QueuedNotification,
} from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { TriggerSosRequest } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { EVENT_SUBJECT_PREFIX } from '@hushryd/kernel/event-log.ts'
import {
  BATCH_PLACE,
  batchSubject,
  outcomeStream,
  outcomeSubject,
  sealVariables,
  type Variables,
} from '@hushryd/kernel/queued-notification.ts'
import { type Caller, callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import {
  createRpcClient,
  openRpcChannel,
  type RpcChannel,
  type RpcClient,
} from '@hushryd/kernel/rpc/client.ts'
import { readKeyRing, unseal } from '@hushryd/kernel/sealed-field.ts'
import { subjectToken } from '@hushryd/kernel/stores/nats.ts'
import { PEER_KEY, startTestRpc, type TestRpc } from '@hushryd/kernel/testing/rpc-services.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Db, MongoClient } from 'mongodb'
import type { Metadata } from 'nice-grpc'
import type { AlertDocument } from '../alert-document.ts'
import { alertsSpec } from '../alert-document.ts'
import { readSosConfig } from '../config.ts'
import { openBatchesSpec } from '../open-batches.ts'
import { type Sos, startSos } from '../service.ts'
import { FakeNotify } from './fake-notify.ts'

const CALL_TIMEOUT_MS = 8_000

export type SosClient = RpcClient<typeof SosServiceDefinition>

export interface StoreUrls {
  readonly natsUrl?: string
  readonly mongoUrl?: string
  readonly redisUrl?: string
}

/** What stands around sos in one test file: stores, notify, the directory, the location service. */
export class World implements AsyncDisposable {
  readonly prefix = uniquePrefix()
  readonly keys = `k1:${randomBytes(32).toString('base64')}`
  readonly trips = new Map<string, GetTripResponse>()
  readonly trail: Position[] = []
  readonly notify: FakeNotify
  readonly nats: NatsConnection
  readonly mongo: MongoClient
  readonly rpc: TestRpc
  readonly events: Event[] = []
  readonly pushes: { readonly subject: string; readonly event: PushEvent }[] = []

  private constructor(notify: FakeNotify, nats: NatsConnection, mongo: MongoClient, rpc: TestRpc) {
    this.notify = notify
    this.nats = nats
    this.mongo = mongo
    this.rpc = rpc
  }

  static async start(): Promise<World> {
    const found: { world?: World } = {}
    const rpc = await startTestRpc(
      {
        async getTrip({ tripId }) {
          const trip = found.world?.trips.get(tripId)
          if (trip !== undefined) return trip
          throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'There is no such trip.')
        },
      },
      { getTrail: async () => ({ updates: found.world?.trail ?? [], complete: true }) },
    )
    const notify = await FakeNotify.start()
    const nats = await connect({ servers: testUrl('TEST_NATS_URL') })
    const mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
    const world = new World(notify, nats, mongo, rpc)
    found.world = world
    const manager = await jetstreamManager(nats)
    // Notify's own streams, as far as sos meets them.
    await manager.streams.add({
      name: world.notifyStream,
      subjects: [`${world.prefix}notify.q.>`],
      retention: 'workqueue',
    })
    await manager.streams.add({
      name: outcomeStream(world.prefix),
      subjects: [`${world.prefix}notify.outcome.>`],
    })
    nats.subscribe(`${EVENT_SUBJECT_PREFIX}sos.>`, {
      callback: (_error, message) => {
        const event = Event.decode(message.data)
        if (event.alertId === '' || event.alertId.startsWith(world.prefix)) world.events.push(event)
      },
    })
    nats.subscribe('push.>', {
      callback: (_error, { subject, data }) => {
        world.pushes.push({ subject, event: PushEvent.decode(data) })
      },
    })
    await nats.flush()
    return world
  }

  get notifyStream(): string {
    return `${this.prefix}NOTIFY`
  }

  get db(): Db {
    return this.mongo.db(this.prefix)
  }

  get alerts() {
    return this.db.collection<AlertDocument>(alertsSpec.name)
  }

  async openBatches(): Promise<number> {
    return await this.db.collection(openBatchesSpec.name).countDocuments()
  }

  /** An alert's id, or a person's or trip's, that no other test file has. */
  id(name = ''): string {
    return `${this.prefix}${name}-${randomUUID()}`
  }

  env({ natsUrl, mongoUrl, redisUrl }: StoreUrls = {}): Record<string, string> {
    return {
      PORT: '0',
      OPS_PORT: '0',
      LOG_LEVEL: 'debug',
      PEER_TRUST: 'key',
      HUSHRYD_PEER_KEY: PEER_KEY,
      MONGO_DB: this.prefix,
      MONGO_URL: mongoUrl ?? testUrl('TEST_MONGO_URL'),
      NATS_URL: natsUrl ?? testUrl('TEST_NATS_URL'),
      REDIS_URL: redisUrl ?? testUrl('TEST_REDIS_URL'),
      DIRECTORY_ADDR: this.rpc.address,
      LOCATION_ADDR: this.rpc.address,
      NOTIFY_ADDR: this.notify.address,
      NOTIFY_KEYS: this.keys,
      SOS_KEYS: this.keys,
      STOP_GRACE_MS: '1000',
    }
  }

  /** What lies in notify's queue. */
  async queued(): Promise<QueuedNotification[]> {
    const manager = await jetstreamManager(this.nats)
    const { state } = await manager.streams.info(this.notifyStream)
    const found: QueuedNotification[] = []
    if (state.messages === 0) return found
    const stream = await jetstream(this.nats).streams.get(this.notifyStream)
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await stream.getMessage({ seq })
      if (message === null) continue
      if (message.subject === batchSubject(this.prefix)) found.push(...this.#openBatch(message.data))
      else found.push(QueuedNotification.decode(message.data))
    }
    return found
  }

  /** As notify does. */
  #openBatch(data: Uint8Array): QueuedNotification[] {
    const { notifications, sealedData } = QueuedBatch.decode(data)
    const ring = readKeyRing(this.keys)
    const all = JSON.parse(unseal(ring, BATCH_PLACE, sealedData)) as Variables[]
    return notifications.map((notification, index) => ({
      ...notification,
      sealedData: sealVariables(ring, notification.template, all[index] ?? {}),
    }))
  }

  async report(
    outcome: Omit<NotificationOutcome, 'notificationId' | 'carriedBy' | 'failure'>,
  ): Promise<void> {
    const full = { ...outcome, notificationId: 'n', carriedBy: outcome.channel, failure: '' }
    await jetstream(this.nats).publish(
      outcomeSubject(this.prefix, 'sos'),
      NotificationOutcomeCodec.encode(full).finish(),
    )
  }

  pushesTo(userId: string): PushEvent[] {
    const subject = `push.user.${subjectToken(userId)}`
    return this.pushes.filter((push) => push.subject === subject).map(({ event }) => event)
  }

  eventsOf(alertId: string): Event[] {
    return this.events.filter((event) => event.alertId === alertId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.dropDatabase()
    const manager = await jetstreamManager(this.nats)
    for (const stream of [this.notifyStream, outcomeStream(this.prefix), `${this.prefix}SOS`])
      await manager.streams.delete(stream).catch(() => false)
    await Promise.all([this.mongo.close(), this.nats.close()])
    await this.notify[Symbol.asyncDispose]()
    await this.rpc[Symbol.asyncDispose]()
  }
}

export interface NodeOptions extends StoreUrls {
  readonly env?: Readonly<Record<string, string>>
}

export class SosNode implements AsyncDisposable {
  readonly sos: Sos
  readonly lines: string[]
  readonly #channel: RpcChannel

  private constructor(sos: Sos, lines: string[]) {
    this.sos = sos
    this.lines = lines
    this.#channel = openRpcChannel({
      address: `127.0.0.1:${sos.port}`,
      peer: peerCredential('edge', PEER_KEY),
    })
  }

  static async start(world: World, { env, ...urls }: NodeOptions = {}): Promise<SosNode> {
    const lines: string[] = []
    const sos = await startSos(readSosConfig({ ...world.env(urls), ...env }), {
      namespace: world.prefix,
      logSink: { write: (line) => void lines.push(line) },
    })
    return new SosNode(sos, lines)
  }

  /** Calls as the edge. */
  get client(): SosClient {
    return createRpcClient(SosServiceDefinition, this.#channel, { timeoutMs: CALL_TIMEOUT_MS })
  }

  trigger(userId: string, request: Partial<TriggerSosRequest> & { readonly alertId: string }) {
    return this.client.triggerSos(request, asUser(userId))
  }

  async metric(line: RegExp): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.sos.opsPort}/metrics`)).text()
    return Number(line.exec(text)?.[1] ?? Number.NaN)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close()
    await this.sos[Symbol.asyncDispose]()
  }
}

export function onBehalfOf(caller: Caller): { metadata: Metadata } {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export function asUser(userId: string, role: 'passenger' | 'driver' = 'passenger') {
  return onBehalfOf({ kind: 'user', userId, role, deviceId: '' })
}

export const asAdmin = onBehalfOf({ kind: 'user', userId: 'meera', role: 'admin', deviceId: '' })
export const asBackend = onBehalfOf({ kind: 'backend' })
