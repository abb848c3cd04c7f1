/**
 * Invariant: with MongoDB away or mute, reads of what Redis holds go on, and
 * everything else is UNAVAILABLE well within a caller's patience. Method: a
 * faulty proxy before MongoDB; then the same for Redis.
 */
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { MongoClient } from 'mongodb'
import { afterAll, expect, it } from 'vitest'
import { asBackend, type DirectoryNode, newKeyLine, startNode } from './testing/directory-node.ts'

const prefix = uniquePrefix()
const mongoDb = `${prefix}outage`
const UNAVAILABLE = { reason: ErrorReason.ERROR_REASON_UNAVAILABLE }
/** A command's bound, tried twice, and some room for a busy machine. */
const PATIENCE_MS = 5000

afterAll(async () => {
  await using mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  await mongo.db(mongoDb).dropDatabase()
})

async function timed<T>(call: Promise<T>): Promise<T> {
  const startMs = performance.now()
  try {
    return await call
  } finally {
    expect(performance.now() - startMs).toBeLessThan(PATIENCE_MS)
  }
}

function put(node: DirectoryNode, userId: string, name: string) {
  return node.as('edge').putUser({ userId, name }, asBackend)
}

async function readName(node: DirectoryNode, userId: string): Promise<string> {
  return (await node.as('sos').getUser({ userId })).name
}

for (const fault of ['cut', 'stall'] as const) {
  it(`answers from Redis while MongoDB is away (${fault}), refuses writes, and takes them again after it`, async () => {
    await using proxy = await startFaultyProxy({ target: testUrl('TEST_MONGO_URL') })
    const { search } = new URL(testUrl('TEST_MONGO_URL'))
    await using node = await startNode({
      mongoDb,
      keys: newKeyLine('k1'),
      mongoUrl: `${proxy.url('mongodb')}/${search}`,
    })
    const userId = `${prefix}${fault}`
    await put(node, userId, 'before')
    proxy[fault]()
    expect(await timed(readName(node, userId))).toBe('before')
    await timed(expect(put(node, userId, 'during')).rejects.toMatchObject(UNAVAILABLE))
    await timed(expect(readName(node, `${userId}-unknown`)).rejects.toMatchObject(UNAVAILABLE))
    expect(await timed(readName(node, userId))).toBe('before')
    proxy.heal()
    await until(() => put(node, userId, 'after'), { timeoutMs: 20_000 })
    expect(await readName(node, userId)).toBe('after')
  })

  it(`answers from MongoDB while Redis is away (${fault})`, async () => {
    await using proxy = await startFaultyProxy({ target: testUrl('TEST_REDIS_URL') })
    await using node = await startNode({ mongoDb, keys: newKeyLine('k1'), redisUrl: proxy.url('redis') })
    const userId = `${prefix}redis-${fault}`
    await put(node, userId, 'before')
    proxy[fault]()
    expect(await timed(readName(node, userId))).toBe('before')
    await timed(put(node, userId, 'during'))
    expect(await timed(readName(node, userId))).toBe('during')
    proxy.heal()
  })
}
