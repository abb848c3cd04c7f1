/** How often a person and an address may call, counted in Redis for all edges together. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import { limitKeyOf } from './address.ts'
import { LocalWindow } from './local-window.ts'

/** Each throws RATE_LIMITED with the time after which one more is allowed. What is refused is not counted. */
export interface RateLimiter {
  takeUser(userId: string): Promise<void>
  takeAddress(address: string): Promise<void>
}

export interface RateLimiterOptions {
  readonly redis: Pick<RedisLink, 'run'>
  /** Within a minute. */
  readonly perUser: number
  readonly perAddress: number
  readonly clock: Clock
}

const WINDOW_MS = 60_000

/**
 * By Redis' own clock, since edges' differ. ARGV: window, limit, a member that
 * is unique. Answers 0, or the milliseconds until the oldest call leaves.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, oldest[2] + window - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return 0
`

export function createRateLimiter({ redis, perUser, perAddress, clock }: RateLimiterOptions): RateLimiter {
  const local = new LocalWindow(clock, WINDOW_MS)
  const node = randomBytes(6).toString('base64url')
  let calls = 0

  async function waitMs(key: string, limit: number): Promise<number> {
    calls += 1
    const member = `${node}${calls.toString(36)}`
    try {
      return Number(await redis.run((connection) => connection.eval(TAKE, 1, key, WINDOW_MS, limit, member)))
    } catch {
      // Without Redis each edge counts for itself: looser, and still bounded. The link tells of the outage.
      return local.take(key, limit)
    }
  }

  async function take(key: string, limit: number): Promise<void> {
    const retryAfterMs = await waitMs(key, limit)
    if (retryAfterMs === 0) return
    throw new DomainError(
      ErrorReason.ERROR_REASON_RATE_LIMITED,
      `At most ${limit} requests a minute are answered.`,
      {
        retryAfterMs,
      },
    )
  }

  return {
    takeUser: (userId) => take(`ratelimit:{user:${userId}}`, perUser),
    takeAddress: (address) => take(`ratelimit:{addr:${limitKeyOf(address)}}`, perAddress),
  }
}
