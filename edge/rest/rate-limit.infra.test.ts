import { ErrorReason } from '@hushryd/kernel/error.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { connectRedis, type RedisLink } from '@hushryd/kernel/stores/redis.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRateLimiter, type RateLimiter } from './rate-limit.ts'

const prefix = uniquePrefix()
let redis: RedisLink

async function openRedis(url: string): Promise<RedisLink> {
  const log = createMemoryLog().log
  return await connectRedis({ url, name: prefix, log, metrics: createMetrics('test'), firstWaitMs: 500 })
}

function limiterOn(link: RedisLink): RateLimiter {
  return createRateLimiter({ redis: link, perUser: 5, perAddress: 8, clock: new FakeClock() })
}

async function waitMsOf(take: Promise<void>): Promise<number> {
  const error: unknown = await take.catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ reason: ErrorReason.ERROR_REASON_RATE_LIMITED })
  return (error as { retryAfterMs: number }).retryAfterMs
}

beforeAll(async () => {
  redis = await openRedis(testUrl('TEST_REDIS_URL'))
})

afterAll(async () => {
  await redis.close()
})

it('counts a person over all edges, and forgets what is older than a minute', async () => {
  const user = `${prefix}-u1`
  const key = `ratelimit:{user:${user}}`
  const edges = [limiterOn(redis), limiterOn(redis)]
  for (let call = 0; call < 5; call += 1) await edges[call % 2]?.takeUser(user)
  const waitMs = await waitMsOf(limiterOn(redis).takeUser(user))
  expect(waitMs).toBeGreaterThan(50_000)
  expect(waitMs).toBeLessThanOrEqual(60_000)
  // What was refused is not counted, and the key ends by itself.
  expect(await redis.raw.zcard(key)).toBe(5)
  expect(await redis.raw.pttl(key)).toBeGreaterThan(50_000)

  // As if the oldest two had come a minute ago.
  const [oldest = '', second = ''] = await redis.raw.zrange(key, '0', '1')
  const earlier = Date.now() - 61_000
  for (const member of [oldest, second]) await redis.raw.zadd(key, String(earlier), member)
  const later = limiterOn(redis)
  await later.takeUser(user)
  await later.takeUser(user)
  await waitMsOf(later.takeUser(user))
})

it('takes exactly the limit of calls that come at once', async () => {
  const limiter = limiterOn(redis)
  const taken = await Promise.allSettled(Array.from({ length: 40 }, () => limiter.takeUser(`${prefix}-u2`)))
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
})

it('counts people apart from each other and from addresses, and IPv6 by its network', async () => {
  const limiter = limiterOn(redis)
  const group = prefix.slice(1, 5)
  for (let call = 0; call < 8; call += 1) await limiter.takeAddress(`2001:db8:${group}::${call}`)
  await waitMsOf(limiter.takeAddress(`2001:db8:${group}::ffff`))
  await limiter.takeAddress(`2001:db8:${group}:1::1`)
  await limiter.takeUser(`${prefix}-u3`)
})

it('limits within this edge while Redis is away', async () => {
  await using away = await openRedis('redis://127.0.0.1:1')
  const limiter = limiterOn(away)
  for (let call = 0; call < 5; call += 1) await limiter.takeUser('u1')
  await waitMsOf(limiter.takeUser('u1'))
  await limiter.takeUser('u2')
})
