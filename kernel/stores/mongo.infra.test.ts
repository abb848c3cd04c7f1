/**
 * Invariant: a MongoDB that is away is UNAVAILABLE, soon; one that is back is
 * found again. Method: a faulty proxy before the real server.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ErrorReason } from '../error.ts'
import { createMetrics } from '../metrics.ts'
import { until } from '../testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '../testing/faulty-proxy.ts'
import { createMemoryLog } from '../testing/memory-log.ts'
import { testUrl } from '../testing/store-urls.ts'
import { uniquePrefix } from '../testing/unique.ts'
import { connectMongo, ensureCollection, type MongoLink } from './mongo.ts'

const UNAVAILABLE = { reason: ErrorReason.ERROR_REASON_UNAVAILABLE, metadata: { store: 'mongo' } }
const db = `${uniquePrefix()}kernel`
const { log, records } = createMemoryLog()
const metrics = createMetrics('test')
let proxy: FaultyProxy
let link: MongoLink

beforeAll(async () => {
  proxy = await startFaultyProxy({ target: testUrl('TEST_MONGO_URL') })
  const { search } = new URL(testUrl('TEST_MONGO_URL'))
  link = await connectMongo({ url: `${proxy.url('mongodb')}/${search}`, db, name: 'test', log, metrics })
})

afterAll(async () => {
  await link.db.dropDatabase()
  await link.close()
  await proxy[Symbol.asyncDispose]()
})

test('a collection comes with its validator and indexes, again and by several at once, and follows a new one', async () => {
  const spec = (type: string) => ({
    name: 'things',
    validator: {
      $jsonSchema: { bsonType: 'object', required: ['n'], properties: { n: { bsonType: type } } },
    },
    indexes: [{ name: 'n', key: { n: 1 } }],
  })
  await Promise.all([1, 2, 3].map(() => ensureCollection(link.db, spec('int'))))
  const things = await ensureCollection(link.db, spec('int'))
  await things.insertOne({ n: 1 })
  await expect(things.insertOne({ n: 'one' })).rejects.toThrow(/validation/)
  await ensureCollection(link.db, spec('string'))
  await things.insertOne({ n: 'one' })
  expect((await things.indexes()).map(({ name }) => name)).toEqual(['_id_', 'n'])
})

test('a MongoDB that is away at the start is found when it comes', async () => {
  await using late = await startFaultyProxy({ target: testUrl('TEST_MONGO_URL') })
  late.cut()
  const own = createMemoryLog()
  const url = `${late.url('mongodb')}/${new URL(testUrl('TEST_MONGO_URL')).search}`
  await using waiting = await connectMongo({
    url,
    db,
    name: 'late',
    log: own.log,
    metrics: createMetrics('late'),
  })
  const hasFailed = () => own.records().some(({ msg }) => String(msg).includes('away at the start'))
  await until(hasFailed, { timeoutMs: 30_000 })
  late.heal()
  await until(async () => (await waiting.check()) === 'ok', { timeoutMs: 30_000 })
})

test('what the database refuses stays its own error', async () => {
  const twice = () => link.run((store) => store.collection<{ _id: string }>('ids').insertOne({ _id: 'a' }))
  await twice()
  await expect(twice()).rejects.toMatchObject({ code: 11_000 })
})

test('a MongoDB that is away is UNAVAILABLE, after some failures at once, and is found again', async () => {
  const count = () => link.run((store) => store.collection('things').countDocuments(), { timeoutMs: 300 })
  expect(await link.check()).toBe('ok')
  proxy.cut()
  for (let failure = 0; failure < 5; failure += 1) await expect(count()).rejects.toMatchObject(UNAVAILABLE)
  expect(await link.check()).not.toBe('ok')
  const startMs = performance.now()
  await expect(count()).rejects.toMatchObject(UNAVAILABLE)
  expect(performance.now() - startMs).toBeLessThan(250)
  expect(await metrics.render()).toMatch(/hushryd_store_circuit_open\{store="mongo"[^}]*\} 1/)
  proxy.heal()
  expect(await until(count, { timeoutMs: 15_000 })).toBe(2)
  expect(await link.check()).toBe('ok')
  const away = records().filter(({ msg }) => msg === 'MongoDB is away')
  expect(away.length).toBeLessThanOrEqual(1)
})

test('a MongoDB that goes in the middle of a bulk write is away, and the write is no success', async () => {
  const insert = () => link.run((store) => store.collection('bulk').insertMany([{ n: 1 }, { n: 2 }]))
  await until(insert, { timeoutMs: 15_000 })
  proxy.stall()
  const outcome = insert().catch((error: unknown) => error)
  await link.run((store) => store.command({ ping: 1 }), { timeoutMs: 100 }).catch(() => undefined)
  proxy.reset()
  proxy.heal()
  expect(await outcome).toMatchObject(UNAVAILABLE)
})

test('a MongoDB that says nothing does not hold a command longer than its time-out', async () => {
  proxy.stall()
  const startMs = performance.now()
  const count = link.run((store) => store.collection('things').countDocuments(), { timeoutMs: 300 })
  await expect(count).rejects.toMatchObject(UNAVAILABLE)
  expect(performance.now() - startMs).toBeLessThan(3000)
  proxy.heal()
})
