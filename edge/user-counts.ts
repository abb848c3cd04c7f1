/**
 * How many sockets a person has over the fleet: the hash `connections:{user}`,
 * one field a node and start of it. Counts of nodes that are gone, or of a
 * node's earlier start, are ignored, so a crash heals by itself.
 *
 * Each node writes its own count before it reads the others': two nodes at
 * once may both refuse the sixth socket, and never both take it.
 */
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'

const KEPT_MS = 25 * 60 * 60 * 1000

export interface NodeEpoch {
  readonly edgeId: string
  readonly startedAt: number
}

function fieldOf({ edgeId, startedAt }: NodeEpoch): string {
  return `${edgeId}|${startedAt}`
}

/** A node that has just started counts before the others have heard of it. */
const NEWBORN_MS = 10_000

/** Pure: the sum over nodes that are live or new, with the local count for this one. */
export function sumOf(
  fields: Readonly<Record<string, string>>,
  live: readonly NodeEpoch[],
  own: NodeEpoch & { readonly count: number },
  nowMs: number,
): number {
  const liveFields = new Set(live.map(fieldOf))
  let sum = own.count
  for (const [field, count] of Object.entries(fields)) {
    const [edgeId = '', startedAt = ''] = field.split('|')
    if (edgeId === own.edgeId) continue
    if (liveFields.has(field) || nowMs - Number(startedAt) < NEWBORN_MS) sum += Number(count)
  }
  return sum
}

export class UserCounts {
  readonly #own: NodeEpoch
  readonly #redis: RedisLink
  readonly #live: () => readonly NodeEpoch[]
  readonly #counts = new Map<string, number>()

  constructor(options: {
    readonly own: NodeEpoch
    readonly redis: RedisLink
    readonly live: () => readonly NodeEpoch[]
  }) {
    this.#own = options.own
    this.#redis = options.redis
    this.#live = options.live
  }

  /** Counts one more here; answers the sum over the fleet, or the local count while Redis is away. */
  async add(userId: string, nowMs: number): Promise<number> {
    const count = (this.#counts.get(userId) ?? 0) + 1
    this.#counts.set(userId, count)
    const key = `connections:{${userId}}`
    try {
      const fields = await this.#redis.run(async (redis) => {
        const [, , all] = await Promise.all([
          redis.hset(key, fieldOf(this.#own), count),
          redis.pexpire(key, KEPT_MS),
          redis.hgetall(key),
        ])
        return all
      })
      return sumOf(fields, this.#live(), { ...this.#own, count }, nowMs)
    } catch {
      // Sockets are worth more than an exact limit: sessions were checked before this.
      return count
    }
  }

  /** One less. What Redis does not learn now it learns with the next change. */
  remove(userId: string): void {
    const count = (this.#counts.get(userId) ?? 1) - 1
    if (count > 0) this.#counts.set(userId, count)
    else this.#counts.delete(userId)
    const key = `connections:{${userId}}`
    const field = fieldOf(this.#own)
    this.#redis
      .run<unknown>((redis) => (count > 0 ? redis.hset(key, field, count) : redis.hdel(key, field)))
      .catch(() => undefined)
  }
}
