/**
 * Property 8, Redis cache consistency: for any update of a profile, of
 * emergency contacts or of a trip, every read on every node that begins later
 * than a second after it answers the new value or a newer one.
 *
 * Method: two nodes on the same stores. The first, which writes, reaches Redis
 * and NATS through proxies that cut and stall; the second reads all the time
 * from the moment of the write.
 */
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { asBackend, asUser, type DirectoryNode, newKeyLine, startNode } from './testing/directory-node.ts'

const PROMISE_MS = 1000
/** Marks of other processes are settled after five seconds. */
const SETTLED_WITHIN_MS = 15_000

const prefix = uniquePrefix()
const mongoDb = `${prefix}consistency`
let writer: DirectoryNode
let reader: DirectoryNode
let redisProxy: FaultyProxy
let natsProxy: FaultyProxy
let redis: Redis
let nats: NatsConnection
let mongo: MongoClient
let ids = 0

function newId(): string {
  ids += 1
  return `${prefix}${ids}`
}

beforeAll(async () => {
  redisProxy = await startFaultyProxy({ target: testUrl('TEST_REDIS_URL') })
  natsProxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  const keys = newKeyLine('k1')
  writer = await startNode({
    mongoDb,
    keys,
    redisUrl: redisProxy.url('redis'),
    natsUrl: natsProxy.url('nats'),
  })
  reader = await startNode({ mongoDb, keys })
  redis = new Redis(testUrl('TEST_REDIS_URL'))
  nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
})

afterEach(async () => {
  redisProxy.heal()
  natsProxy.heal()
  const readyUrl = `http://127.0.0.1:${writer.directory.opsPort}/metrics`
  await until(async () => /hushryd_redis_ready\{[^}]*\} 1/.test(await (await fetch(readyUrl)).text()))
  await until(async () => /hushryd_nats_connected\{[^}]*\} 1/.test(await (await fetch(readyUrl)).text()))
})

afterAll(async () => {
  await mongo.db(mongoDb).dropDatabase()
  await Promise.all([writer[Symbol.asyncDispose](), reader[Symbol.asyncDispose]()])
  await Promise.all([redisProxy[Symbol.asyncDispose](), natsProxy[Symbol.asyncDispose]()])
  redis.disconnect()
  await Promise.all([nats.close(), mongo.close()])
})

/** Reads until the answer is new; fails when one that began after the promised second is old. */
async function expectFresh(versionNow: () => Promise<number>, version: number): Promise<void> {
  const writtenMs = performance.now()
  for (;;) {
    const sinceMs = performance.now() - writtenMs
    const found = await versionNow()
    if (found >= version) return
    expect(sinceMs, `version ${found} in place of ${version}`).toBeLessThan(PROMISE_MS)
  }
}

function versionOfUser(node: DirectoryNode, userId: string): () => Promise<number> {
  return async () => (await node.as('sos').getUser({ userId })).version
}

async function heldVersion(userId: string): Promise<number> {
  return Number(await redis.hget(`user:{${userId}}`, 'version'))
}

/** Stored, and in Redis for everyone. */
async function storeUser(userId: string): Promise<void> {
  await writer.as('edge').putUser({ userId, name: 'before' }, asBackend)
  await reader.as('sos').getUser({ userId })
  await until(async () => (await heldVersion(userId)) === 1)
}

describe('Property 8: Redis cache consistency', () => {
  it('holds for any sequence of updates, wherever they are made and read', async () => {
    const update = fc.record({
      kind: fc.constantFrom('user', 'contacts', 'trip'),
      isMadeByReader: fc.boolean(),
      text: fc.stringMatching(/^[a-z]{1,8}$/),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(update, { minLength: 1, maxLength: 8 }), async (updates) => {
        const id = newId()
        for (const { kind, isMadeByReader, text } of updates) {
          const [by, other] = isMadeByReader ? [reader, writer] : [writer, reader]
          const edge = by.as('edge')
          if (kind === 'user') {
            await edge.putUser({ userId: id, name: text }, asBackend)
            await expectFresh(versionOfUser(other, id), await versionOfUser(by, id)())
          } else if (kind === 'contacts') {
            const contacts = [{ name: text, phone: '9876543210' }]
            await edge.putEmergencyContacts({ userId: id, contacts }, asUser(id))
            const read = (node: DirectoryNode) => node.as('sos').getEmergencyContacts({ userId: id })
            await expectFresh(async () => (await read(other)).version, (await read(by)).version)
          } else {
            await edge.putTrip({ tripId: id, driverId: text, passengerIds: ['rider-1'] }, asBackend)
            const read = (node: DirectoryNode) => node.as('location').getTrip({ tripId: id })
            await expectFresh(async () => (await read(other)).version, (await read(by)).version)
          }
        }
      }),
      { numRuns: 15 },
    )
  })

  it('holds while the writer cannot tell anyone: NATS is away from it', async () => {
    const userId = newId()
    await storeUser(userId)
    natsProxy.cut()
    await writer.as('edge').putUser({ userId, name: 'after' }, asBackend)
    await expectFresh(versionOfUser(reader, userId), 2)
    await expectFresh(versionOfUser(writer, userId), 2)
  })

  it('holds while the writer cannot reach Redis, which is put right once it can', async () => {
    const userId = newId()
    await storeUser(userId)
    redisProxy.cut()
    await writer.as('edge').putUser({ userId, name: 'after' }, asBackend)
    await expectFresh(versionOfUser(writer, userId), 2)
    await expectFresh(versionOfUser(reader, userId), 2)
    redisProxy.heal()
    await until(async () => (await heldVersion(userId)) === 2, { timeoutMs: SETTLED_WITHIN_MS })
  })

  it('holds where the writer’s command hangs in the network and arrives after a newer value', async () => {
    const userId = newId()
    await storeUser(userId)
    redisProxy.stall()
    const late = writer.as('edge').putUser({ userId, name: 'late' }, asBackend)
    await expectFresh(versionOfUser(reader, userId), 2)
    await reader.as('edge').putUser({ userId, name: 'newest' }, asBackend)
    await late
    redisProxy.heal()
    await expectFresh(versionOfUser(reader, userId), 3)
    await expectFresh(versionOfUser(writer, userId), 3)
    await until(async () => (await heldVersion(userId)) === 3, { timeoutMs: SETTLED_WITHIN_MS })
  })

  it('holds where Redis has forgotten everything', async () => {
    const userId = newId()
    await storeUser(userId)
    await redis.del(`user:{${userId}}`)
    await writer.as('edge').putUser({ userId, name: 'after' }, asBackend)
    await redis.del(`user:{${userId}}`)
    await expectFresh(versionOfUser(reader, userId), 2)
  })

  it('holds where the writer dies right after the database, and others finish its work', async () => {
    const tripId = newId()
    const request = { tripId, driverId: 'driver-1', passengerIds: ['rider-1'] }
    await writer.as('edge').putTrip(request, asBackend)
    await reader.as('location').getTrip({ tripId })
    const told: string[] = []
    nats.subscribe(`push.trip.${tripId}`, {
      callback: (_error, message) => void told.push(PushEvent.decode(message.data).type),
    })
    await nats.flush()
    const event = { type: 'trip.started', userIds: ['driver-1'], state: 'ACTIVE', isEnd: false }
    const pending = { by: 'a process that is gone', at: new Date(), event }
    const trips = mongo.db(mongoDb).collection<{ _id: string; version: number }>('trips')
    await trips.updateOne({ _id: tripId }, { $set: { version: 2, status: 'ACTIVE', pending } })
    for (const node of [reader, writer]) {
      await expectFresh(async () => (await node.as('location').getTrip({ tripId })).version, 2)
      expect((await node.as('location').getTrip({ tripId })).status).toBe(TripStatus.ACTIVE)
    }
    await until(async () => !('pending' in ((await trips.findOne({ _id: tripId })) ?? {})), {
      timeoutMs: SETTLED_WITHIN_MS,
    })
    await until(() => told.includes('trip.started'))
  })
})
