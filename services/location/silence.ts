/** Which drivers have been silent for too long, in a set that all pods share. */
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import { ACTIVITY_KEY, GEO_KEY, geoMember, KEEP_MS } from './redis-scripts.ts'

export interface Silence {
  readonly tripId: string
  /** When the driver was last heard, or the trip began, by our clock. */
  readonly heardMs: number
}

export interface SilenceStore {
  /** Silences that began before the time, each for one caller alone, and once until the driver is heard again. */
  claim(beforeMs: number, silencesMax: number): Promise<readonly Silence[]>
  /** The claimed silence was not told of: another claim may find it. */
  giveBack(silence: Silence): Promise<void>
  /** The trip is over. */
  forget(tripId: string): Promise<void>
  /** Trips that outlived their positions leave both sets, until they are heard again. */
  forgetOld(nowMs: number, tripsMax: number): Promise<void>
}

/**
 * A claimed silence stays in the set with its time negative, out of reach of
 * the next claim. A report writes `ZADD GT`, which any later time wins.
 */
const CLAIM = `
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '(0', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #due, 2 do redis.call('ZADD', KEYS[1], '-' .. due[i + 1], due[i]) end
return due`

function readSilences(reply: unknown): Silence[] {
  const words = Array.isArray(reply) ? reply.map(String) : []
  const silences: Silence[] = []
  for (let at = 0; at + 1 < words.length; at += 2) {
    silences.push({ tripId: words[at] ?? '', heardMs: Number(words[at + 1]) })
  }
  return silences
}

export function createSilenceStore(redis: RedisLink): SilenceStore {
  return {
    claim: (beforeMs, silencesMax) =>
      redis.run(async (raw) => readSilences(await raw.eval(CLAIM, 1, ACTIVITY_KEY, beforeMs, silencesMax))),
    async giveBack({ tripId, heardMs }) {
      await redis.run((raw) => raw.zadd(ACTIVITY_KEY, 'XX', 'GT', heardMs, tripId))
    },
    async forget(tripId) {
      await redis.run((raw) => raw.zrem(GEO_KEY, geoMember(tripId)))
      await redis.run((raw) => raw.zrem(ACTIVITY_KEY, tripId))
    },
    async forgetOld(nowMs, tripsMax) {
      const [from, to] = [`(${KEEP_MS - nowMs}`, '(0']
      await redis.run(async (raw) => {
        const old = await raw.zrangebyscore(ACTIVITY_KEY, from, to, 'LIMIT', 0, tripsMax)
        if (old.length === 0) return
        await raw.zrem(GEO_KEY, ...old.map(geoMember))
        await raw.zrem(ACTIVITY_KEY, ...old)
      })
    },
  }
}
