/** Real pods on free ports beside a fake directory, and clients that call them as the parts of HushRyd. */

import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { DomainError, type ErrorReason } from '@hushryd/kernel/error.ts'
import { type Caller, callerMetadata, peerCredential, type Role } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Redis } from 'ioredis'
import type { Metadata } from 'nice-grpc'
import { type HistoryConfig, readHistoryConfig, readLocationConfig } from '../config.ts'
import { type Location, startLocation } from '../service.ts'
import { FakeDirectory } from './fake-directory.ts'
import type { LocationClient } from './lane-client.ts'

const CALL_TIMEOUT_MS = 8_000

export function testUrl(name: 'TEST_NATS_URL' | 'TEST_REDIS_URL' | 'TEST_MONGO_URL'): string {
  const url = process.env[name]
  if (url === undefined) throw new Error(`${name} is not set: run with the project "infra"`)
  return url
}

export class LocationNode implements AsyncDisposable {
  readonly location: Location
  readonly #channels = new Map<string, RpcChannel>()

  constructor(location: Location) {
    this.location = location
  }

  /** Calls as one of HushRyd's processes; as `edge` for others with `onBehalfOf` as the metadata. */
  as(peer: string): LocationClient {
    const channel =
      this.#channels.get(peer) ??
      openRpcChannel({
        address: `127.0.0.1:${this.location.port}`,
        peer: peerCredential(peer, PEER_KEY),
      })
    this.#channels.set(peer, channel)
    return createRpcClient(LocationServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS })
  }

  async metrics(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.location.opsPort}/metrics`)).text()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels.values()) channel.close()
    await this.location[Symbol.asyncDispose]()
  }
}

/** Each test file has its own, so that what it does to Redis as a whole stays its own. */
type RedisDb = 1 | 2 | 3 | 4

export interface TestWorld extends AsyncDisposable {
  readonly prefix: string
  readonly mongoDb: string
  readonly nats: NatsConnection
  readonly redis: Redis
  readonly redisUrl: string
  readonly directory: FakeDirectory
  newId(kind: string): string
  /** An active trip of driver `d-…` and passenger `p-…`. */
  newTrip(status?: TripStatus): {
    readonly tripId: string
    readonly driverId: string
    readonly passengerId: string
  }
  startNode(settings?: Readonly<Record<string, string>>): Promise<LocationNode>
  historyConfig(settings?: Readonly<Record<string, string>>): HistoryConfig
}

export async function openWorld(db: RedisDb): Promise<TestWorld> {
  const prefix = uniquePrefix()
  const mongoDb = `${prefix}location`
  const nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  await ensureEventLog(nats)
  const redisUrl = `${testUrl('TEST_REDIS_URL')}/${db}`
  const redis = new Redis(redisUrl)
  const directory = await new FakeDirectory(nats).start()
  const common = {
    OPS_PORT: '0',
    LOG_LEVEL: 'debug',
    MONGO_DB: mongoDb,
    MONGO_URL: testUrl('TEST_MONGO_URL'),
    NATS_URL: testUrl('TEST_NATS_URL'),
  }
  let ids = 0
  const newId = (kind: string): string => `${prefix}${kind}-${++ids}`
  return {
    prefix,
    mongoDb,
    nats,
    redis,
    redisUrl,
    directory,
    newId,
    newTrip(status = TripStatus.ACTIVE) {
      const trip = { tripId: newId('t'), driverId: newId('d'), passengerId: newId('p') }
      directory.put(trip.tripId, { driverId: trip.driverId, passengerIds: [trip.passengerId], status })
      return trip
    },
    async startNode(settings = {}) {
      const config = readLocationConfig({
        ...common,
        PORT: '0',
        PEER_TRUST: 'key',
        HUSHRYD_PEER_KEY: PEER_KEY,
        REDIS_URL: redisUrl,
        DIRECTORY_ADDR: directory.address,
        STOP_GRACE_MS: '1000',
        ...settings,
      })
      return new LocationNode(await startLocation(config, { logSink: { write: () => undefined } }))
    },
    historyConfig: (settings = {}) => readHistoryConfig({ ...common, ...settings }),
    async [Symbol.asyncDispose]() {
      await directory[Symbol.asyncDispose]()
      await nats.close()
      redis.disconnect()
    },
  }
}

export function onBehalfOf(caller: Caller): { metadata: Metadata } {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export function asUser(userId: string, role: Role = 'driver'): { metadata: Metadata } {
  return onBehalfOf({ kind: 'user', userId, role, deviceId: 'd' })
}

/** A fix in Hyderabad; `east` metres from its middle. */
export function position(userId: string, timestampMs: number, east = 0): Position {
  return {
    userId,
    lat: 17.4,
    lng: 78.4 + east / 106_000,
    accuracy: 5,
    speed: 8.5,
    heading: 90,
    timestampMs,
  }
}

export async function reasonOf(call: Promise<unknown>): Promise<ErrorReason> {
  try {
    await call
  } catch (error) {
    if (error instanceof DomainError) return error.reason
    throw error
  }
  throw new Error('the call succeeded')
}
