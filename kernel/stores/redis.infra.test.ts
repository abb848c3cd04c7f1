/**
 * Invariant: no command waits longer than its time-out, and while Redis is
 * away none waits at all. Method: a faulty proxy before the real server.
 */
import { expect, test } from 'vitest'
import { DomainError, ErrorReason } from '../error.ts'
import { createMetrics } from '../metrics.ts'
import { until } from '../testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '../testing/faulty-proxy.ts'
import { createMemoryLog } from '../testing/memory-log.ts'
import { testUrl } from '../testing/store-urls.ts'
import { uniquePrefix } from '../testing/unique.ts'
import { connectRedis, type RedisLink } from './redis.ts'

const prefix = uniquePrefix()
const COMMAND_TIMEOUT_MS = 100
const UNAVAILABLE = { reason: ErrorReason.ERROR_REASON_UNAVAILABLE, metadata: { store: 'redis' } }

interface Fixture extends AsyncDisposable {
  readonly proxy: FaultyProxy
  readonly link: RedisLink
  readonly warnings: () => unknown[]
  circuit(): Promise<number>
}

async function open({ isCutAtFirst = false } = {}): Promise<Fixture> {
  const proxy = await startFaultyProxy({ target: testUrl('TEST_REDIS_URL') })
  if (isCutAtFirst) proxy.cut()
  const { log, records } = createMemoryLog()
  const metrics = createMetrics('test')
  const link = await connectRedis({
    url: proxy.url('redis'),
    name: 'test',
    log,
    metrics,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    firstWaitMs: 200,
  })
  return {
    proxy,
    link,
    warnings: () => records().flatMap(({ level, msg }) => (level === 'warn' ? [msg] : [])),
    async circuit() {
      const pattern = /hushryd_store_circuit_open\{store="redis"[^}]*\} ([\d.]+)/
      return Number(pattern.exec(await metrics.render())?.[1])
    },
    async [Symbol.asyncDispose]() {
      await link.close()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

function ping(link: RedisLink): Promise<string> {
  return link.run((redis) => redis.ping())
}

test('a Redis that says nothing costs a time-out a command, and after five of them nothing', async () => {
  await using fixture = await open()
  const { link, proxy } = fixture
  proxy.stall()
  for (let failure = 0; failure < 5; failure += 1) await expect(ping(link)).rejects.toMatchObject(UNAVAILABLE)
  expect(await fixture.circuit()).toBe(1)
  let calls = 0
  const startMs = performance.now()
  for (let call = 0; call < 50; call += 1) {
    const refused = link.run(async () => {
      calls += 1
    })
    await expect(refused).rejects.toMatchObject(UNAVAILABLE)
  }
  expect(calls).toBe(0)
  expect(performance.now() - startMs).toBeLessThan(COMMAND_TIMEOUT_MS * 5)
  proxy.heal()
  expect(await until(() => ping(link))).toBe('PONG')
  expect(await fixture.circuit()).toBe(0)
})

test('while Redis is gone commands fail at once, and it is said once; later they work again', async () => {
  await using fixture = await open()
  const { link, proxy } = fixture
  let readies = 0
  link.onReady(() => {
    readies += 1
  })
  proxy.cut()
  await until(() => !link.isReady)
  const startMs = performance.now()
  await expect(ping(link)).rejects.toMatchObject(UNAVAILABLE)
  expect(performance.now() - startMs).toBeLessThan(COMMAND_TIMEOUT_MS)
  expect(link.check()).not.toBe('ok')
  proxy.heal()
  await until(() => link.isReady)
  expect(link.check()).toBe('ok')
  expect(await until(() => ping(link))).toBe('PONG')
  expect(readies).toBe(1)
  expect(fixture.warnings()).toEqual(['Redis is away'])
})

test('commands under way when the connection breaks fail and are not sent again', async () => {
  await using fixture = await open()
  const { link, proxy } = fixture
  const key = `${prefix}count`
  proxy.stall()
  const outcome = link.run((redis) => redis.incr(key)).catch((error: unknown) => error)
  proxy.reset()
  expect(await outcome).toMatchObject(UNAVAILABLE)
  proxy.heal()
  await until(() => link.isReady)
  expect(await until(() => link.run((redis) => redis.get(key)).then((value) => [value]))).toEqual([null])
})

test('a process starts without Redis and finds it later', async () => {
  await using fixture = await open({ isCutAtFirst: true })
  expect(fixture.link.isReady).toBe(false)
  expect(fixture.warnings()).toContain('Redis is away at the start; trying on')
  fixture.proxy.heal()
  await until(() => fixture.link.isReady)
})

test('an answer that is an error of ours stays one, and opens no circuit', async () => {
  await using fixture = await open()
  const { link } = fixture
  const key = `${prefix}text`
  await link.run((redis) => redis.set(key, 'x', 'PX', 60_000))
  for (let time = 0; time < 6; time += 1) {
    const error = await link.run((redis) => redis.lpush(key, 'y')).catch((caught: unknown) => caught)
    expect(error).not.toBeInstanceOf(DomainError)
    expect(String(error)).toContain('WRONGTYPE')
  }
  expect(await fixture.circuit()).toBe(0)
})

test('closing does not hang on a server that says nothing', async () => {
  const fixture = await open()
  fixture.proxy.stall()
  const startMs = performance.now()
  await fixture[Symbol.asyncDispose]()
  expect(performance.now() - startMs).toBeLessThan(3000)
})
