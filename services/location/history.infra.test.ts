/**
 * Invariant: what a pod has acknowledged is in the trail, from Redis or from
 * the history, and each position once for whoever reads.
 * Method: one history writer and one pod; Redis emptied, MongoDB and NATS cut.
 */
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { jetstream } from '@nats-io/jetstream'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { withoutRepeats } from './history-fixes.ts'
import { type History, startHistory } from './history-service.ts'
import { createHistoryStore } from './history-store.ts'
import { HISTORY_DAYS } from './snapshot.ts'
import { LaneClient } from './testing/lane-client.ts'
import {
  type LocationNode,
  onBehalfOf,
  openWorld,
  position,
  type TestWorld,
  testUrl,
} from './testing/location-node.ts'

let world: TestWorld
let mongo: MongoClient
let mongoProxy: FaultyProxy
let natsProxy: FaultyProxy
let history: History
let node: LocationNode

const asBackend = onBehalfOf({ kind: 'backend' })

beforeAll(async () => {
  world = await openWorld(4)
  mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  mongoProxy = await startFaultyProxy({ target: testUrl('TEST_MONGO_URL') })
  natsProxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  history = await startHistory(
    world.historyConfig({
      MONGO_URL: mongoProxy.url('mongodb'),
      NATS_URL: natsProxy.url('nats'),
      HISTORY_BATCH_MAX: '50',
      HISTORY_GATHER_MS: '1000',
    }),
    { logSink: { write: () => undefined } },
  )
  node = await world.startNode()
})

afterEach(() => {
  mongoProxy.heal()
  natsProxy.heal()
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await history[Symbol.asyncDispose]()
  await mongo.db(world.mongoDb).dropDatabase()
  await mongo.close()
  await mongoProxy[Symbol.asyncDispose]()
  await natsProxy[Symbol.asyncDispose]()
  await world.redis.flushdb()
  await world[Symbol.asyncDispose]()
})

interface Stored {
  readonly t: Date
  readonly meta: { readonly tripId: string; readonly userId: string }
  readonly suspect?: boolean
}

async function storedOf(tripId: string): Promise<Stored[]> {
  const found = mongo.db(world.mongoDb).collection<Stored>('location_history').find({ 'meta.tripId': tripId })
  return await found.sort({ t: 1 }).toArray()
}

async function awaitStored(tripId: string, count: number): Promise<Stored[]> {
  return await until(
    async () => {
      const stored = await storedOf(tripId)
      return stored.length >= count && stored
    },
    { timeoutMs: 20_000, what: `${count} positions in the history` },
  )
}

/** A trip of some positions, of which the pod has said that they are safe. */
async function drive(count: number) {
  const { tripId, driverId } = world.newTrip()
  await using lane = new LaneClient(node.as('edge'), tripId, `edge-${tripId}`)
  const begin = Date.now() - 600_000
  const fixes = Array.from({ length: count }, (_, index) => position(driverId, begin + index * 1_000, index))
  await lane.acked(lane.backfill(tripId, ...fixes.slice(0, -1)))
  await lane.acked(lane.report(tripId, ...fixes.slice(-1)))
  return { tripId, driverId, fixes, begin }
}

async function metrics(): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${history.opsPort}/metrics`)).text()
}

async function trailOf(tripId: string) {
  return await node.as('edge').getTrail({ tripId }, asBackend)
}

describe('the history', () => {
  it('is a time series that expires, with an index for one trip’s time', async () => {
    await drive(1)
    const db = mongo.db(world.mongoDb)
    const info = await until(
      async () => (await db.listCollections({ name: 'location_history' }).toArray())[0],
    )
    expect(info).toMatchObject({
      type: 'timeseries',
      options: {
        timeseries: { timeField: 't', metaField: 'meta' },
        expireAfterSeconds: HISTORY_DAYS * 86_400,
      },
    })
    const indexes = await db.collection('location_history').indexes()
    expect(indexes).toContainEqual(expect.objectContaining({ key: { 'meta.tripId': 1, t: 1 } }))
  })

  it('holds every position that was acknowledged, and suspect ones marked as such', async () => {
    const { tripId, driverId, fixes } = await drive(120)
    await using lane = new LaneClient(node.as('edge'), tripId, 'edge-suspect')
    const last = fixes.at(-1)?.timestampMs ?? 0
    await lane.acked(lane.report(tripId, position(driverId, last + 1_000, 90_000)))
    const stored = await awaitStored(tripId, 121)
    expect(stored.map(({ t }) => t.getTime())).toEqual([
      ...fixes.map(({ timestampMs }) => timestampMs),
      last + 1_000,
    ])
    expect(stored.filter(({ suspect }) => suspect).map(({ t }) => t.getTime())).toEqual([last + 1_000])
    expect((await trailOf(tripId)).updates).toEqual(fixes)
  })

  it('makes the trail whole where Redis has lost everything, for readers and for those who join', async () => {
    const { tripId, fixes, begin } = await drive(60)
    await awaitStored(tripId, 60)
    await world.redis.flushdb()
    expect(await trailOf(tripId)).toEqual({ updates: fixes, complete: true })
    await using lane = new LaneClient(node.as('edge'), tripId, 'edge-after-flush')
    const joined = await lane.join(tripId, { sinceMs: begin + 9_500 })
    expect(joined).toMatchObject({ latest: fixes.at(-1), complete: true })
    expect(joined.missed).toEqual(fixes.slice(10))
    const driver = fixes[0]?.userId ?? ''
    const next = position(driver, begin + 60_000, 60)
    await lane.acked(lane.report(tripId, next))
    expect((await trailOf(tripId)).updates).toEqual([...fixes, next])
  })

  it('waits in JetStream while MongoDB is away, and catches up', async () => {
    mongoProxy.cut()
    const { tripId, fixes } = await drive(60)
    expect((await trailOf(tripId)).updates).toEqual(fixes)
    await until(async () => /hushryd_location_history_lag_ms\{[^}]*\} (?!0\n)/.test(await metrics()), {
      timeoutMs: 15_000,
      what: 'the lag',
    })
    expect((await fetch(`http://127.0.0.1:${history.opsPort}/readyz`)).status).toBe(503)
    mongoProxy.heal()
    expect(await awaitStored(tripId, 60)).toHaveLength(60)
    await until(async () => /hushryd_location_history_lag_ms\{[^}]*\} 0\n/.test(await metrics()), {
      timeoutMs: 15_000,
      what: 'no lag',
    })
  })

  it('goes on after NATS was away for the writer', async () => {
    natsProxy.cut()
    const { tripId } = await drive(20)
    natsProxy.heal()
    expect(await awaitStored(tripId, 20)).toHaveLength(20)
  })

  it('finds by name what it holds, and nothing else', async () => {
    const { tripId, fixes } = await drive(20)
    await awaitStored(tripId, 20)
    const log = createMemoryLog().log
    await using link = await connectMongo({
      url: testUrl('TEST_MONGO_URL'),
      db: world.mongoDb,
      name: 'test',
      log,
      metrics: createMetrics('test'),
    })
    const store = createHistoryStore(link)
    const asked = fixes.map((fix) => ({ tripId, fix, isSuspect: false }))
    const known = await store.findKnown(asked)
    expect(withoutRepeats(asked, known)).toEqual([])
    const fresh = asked.map(({ fix }) => ({
      tripId,
      fix: { ...fix, timestampMs: fix.timestampMs + 1 },
      isSuspect: false,
    }))
    expect(withoutRepeats(fresh, await store.findKnown(fresh))).toEqual(fresh)
  })

  it('drops what is no message of a pod, and goes on', async () => {
    await jetstream(world.nats).publish('location.p.1', new Uint8Array([0x12, 0xff, 0xff]))
    const { tripId } = await drive(5)
    expect(await awaitStored(tripId, 5)).toHaveLength(5)
  })
})
