/**
 * Sessions in Redis: the hash `session:{user}`, one field a session, named by
 * the token's hash. Any edge reads the same.
 */
import type { Role } from '@hushryd/kernel/rpc/caller.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'

export const SESSION_MS = 24 * 60 * 60 * 1000
/** More, and the oldest are signed out: a stolen service key cannot fill the store with one person's sessions. */
export const SESSIONS_MAX = 10
/** `lastActiveAt` is exact to this. */
const ACTIVE_STEP_MS = 60_000
const REVOKED_KEPT_MS = 24 * 60 * 60 * 1000
const REVOKED_KEY = 'session_revoked'

export interface StoredSession {
  readonly role: Role
  readonly deviceId: string
  readonly createdAt: number
  readonly lastActiveAt: number
  readonly expiresAt: number
}

export interface NamedSession extends StoredSession {
  readonly hash: string
}

/** An empty hash stands for all sessions of the user made before the time. */
export interface Revocation {
  readonly userId: string
  readonly hash: string
  readonly atMs: number
}

/** Adds a session, drops those that are over, and answers the hashes of the oldest beyond the limit. */
const CREATE = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local fields = redis.call('HGETALL', KEYS[1])
local running = {}
for i = 1, #fields, 2 do
  local session = cjson.decode(fields[i + 1])
  if session.expiresAt <= tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], fields[i])
  else
    running[#running + 1] = { hash = fields[i], at = session.createdAt }
  end
end
table.sort(running, function(a, b)
  if a.at == b.at then return a.hash ~= ARGV[1] and (b.hash == ARGV[1] or a.hash < b.hash) end
  return a.at < b.at
end)
local dropped = {}
for i = 1, #running - tonumber(ARGV[5]) do
  redis.call('HDEL', KEYS[1], running[i].hash)
  dropped[#dropped + 1] = running[i].hash
end
return dropped
`

/** Only where it still stands: a session that was revoked meanwhile does not come back. */
const TOUCH = `
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 0
`

function keyOf(userId: string): string {
  return `session:{${userId}}`
}

function readSession(text: string): StoredSession {
  // Written by this module alone.
  return JSON.parse(text) as StoredSession
}

export class SessionStore {
  readonly #redis: Pick<RedisLink, 'run'>

  constructor(redis: Pick<RedisLink, 'run'>) {
    this.#redis = redis
  }

  /** Answers the hashes of sessions that had to go. */
  async create(userId: string, { hash, ...session }: NamedSession): Promise<string[]> {
    const dropped = await this.#redis.run((redis) =>
      redis.eval(
        CREATE,
        1,
        keyOf(userId),
        hash,
        JSON.stringify(session),
        SESSION_MS,
        session.createdAt,
        SESSIONS_MAX,
      ),
    )
    return dropped as string[]
  }

  /** A running session; undefined for one that ended or was never there. */
  async find(userId: string, hash: string, nowMs: number): Promise<StoredSession | undefined> {
    const text = await this.#redis.run((redis) => redis.hget(keyOf(userId), hash))
    if (text === null) return undefined
    const session = readSession(text)
    if (session.expiresAt <= nowMs) return undefined
    if (nowMs - session.lastActiveAt >= ACTIVE_STEP_MS) {
      const touched = JSON.stringify({ ...session, lastActiveAt: nowMs })
      // Where only reading works, as while another server takes over, people are let in all the same.
      await this.#redis
        .run((redis) => redis.eval(TOUCH, 1, keyOf(userId), hash, text, touched))
        .catch(() => undefined)
      return { ...session, lastActiveAt: nowMs }
    }
    return session
  }

  /** Running sessions, newest first. */
  async list(userId: string, nowMs: number): Promise<NamedSession[]> {
    const fields = await this.#redis.run((redis) => redis.hgetall(keyOf(userId)))
    return Object.entries(fields)
      .map(([hash, text]) => ({ hash, ...readSession(text) }))
      .filter(({ expiresAt }) => expiresAt > nowMs)
      .sort((a, b) => b.createdAt - a.createdAt || (a.hash < b.hash ? -1 : 1))
  }

  async remove(userId: string, hashes: readonly string[]): Promise<void> {
    if (hashes.length > 0) await this.#redis.run((redis) => redis.hdel(keyOf(userId), ...hashes))
  }

  /** Kept for a day, for edges that miss the message. */
  async noteRevoked(userId: string, hashes: readonly string[], atMs: number): Promise<void> {
    const members = hashes.flatMap((hash) => [atMs, `${userId}|${hash}|${atMs}`])
    if (members.length === 0) return
    await this.#redis.run((redis) =>
      redis
        .multi()
        .zadd(REVOKED_KEY, ...members)
        .zremrangebyscore(REVOKED_KEY, 0, atMs - REVOKED_KEPT_MS)
        .exec(),
    )
  }

  /** The store's own count of what was revoked from that time on. */
  async revokedSince(sinceMs: number): Promise<Revocation[]> {
    const members = await this.#redis.run((redis) => redis.zrangebyscore(REVOKED_KEY, sinceMs, '+inf'))
    return members.map((member) => {
      const [userId = '', hash = '', atMs = '0'] = member.split('|')
      return { userId, hash, atMs: Number(atMs) }
    })
  }
}
