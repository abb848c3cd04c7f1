/**
 * Documents in Redis, each with its version: a script refuses to put an older
 * one over a newer one.
 *
 * That alone does not help where the newer one has gone meanwhile (evicted,
 * FLUSHALL) and a slow process then puts what it read long ago. So each put
 * also carries a ticket, Redis's time before that process went to MongoDB, and
 * is refused once the ticket is old: by Redis's clock, so that also a command
 * that hung in the network, or a process that was stopped, comes too late.
 *
 * Nothing here throws for a Redis that is away: a cache that does not answer
 * is an empty one.
 */
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import type { Redis } from 'ioredis'
import type { DirectoryEvents } from './events.ts'

export const CACHE_TTL_MS = 3_600_000
/** A put is taken so long after its ticket. Less than SETTLE_OWN_MS of `settler.ts`. */
export const PUT_WITHIN_MS = 1500

export interface CacheEntry {
  readonly key: string
  readonly version: number
  readonly text: string
}

export interface CacheRead {
  readonly value: { readonly version: number; readonly text: string } | undefined
  /** Redis's time of the read, milliseconds. */
  readonly ticketMs: number
}

const READ_SCRIPT = `
local held = redis.call('HMGET', KEYS[1], 'version', 'value')
local time = redis.call('TIME')
return {held[1], held[2], time[1] * 1000 + math.floor(time[2] / 1000)}
`

/** An equal version is written: the same document may be sealed under a newer key. */
const PUT_SCRIPT = `
local version, value, ttl, untilMs = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) > untilMs then return -1 end
local held = tonumber(redis.call('HGET', KEYS[1], 'version') or '0') or 0
if held > version then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'value', value)
redis.call('PEXPIRE', KEYS[1], ttl)
return 1
`

const READ = 'directoryRead'
const PUT = 'directoryPut'
const TOO_LATE = -1

/** ioredis adds these to the client by `defineCommand`, which also sends a script again that Redis has forgotten. */
interface Scripts {
  [READ](key: string): Promise<[string | null, string | null, number]>
  [PUT](key: string, version: number, text: string, ttlMs: number, untilMs: number): Promise<number>
}

export class Cache {
  readonly #link: RedisLink
  readonly #events: DirectoryEvents

  constructor(link: RedisLink, events: DirectoryEvents) {
    link.raw.defineCommand(READ, { numberOfKeys: 1, lua: READ_SCRIPT })
    link.raw.defineCommand(PUT, { numberOfKeys: 1, lua: PUT_SCRIPT })
    this.#link = link
    this.#events = events
  }

  /** Undefined where Redis did not answer. */
  async read(key: string): Promise<CacheRead | undefined> {
    try {
      const [version, text, ticketMs] = await this.#run((redis) => redis[READ](key))
      this.#events.cacheWorked()
      const value = version === null || text === null ? undefined : { version: Number(version), text }
      return { value, ticketMs }
    } catch (error) {
      this.#events.cacheFailed('read', error)
      return undefined
    }
  }

  /** For puts without a read before them. Undefined where Redis did not answer. */
  async ticketMs(): Promise<number | undefined> {
    try {
      const [seconds, microseconds] = await this.#run((redis) => redis.time())
      return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
    } catch (error) {
      this.#events.cacheFailed('ticket', error)
      return undefined
    }
  }

  /** Whether Redis now holds all of them, or newer ones. What is put was read from or written to MongoDB after the ticket. */
  async put(entries: readonly CacheEntry[], ticketMs: number): Promise<boolean> {
    const untilMs = ticketMs + PUT_WITHIN_MS
    try {
      const results = await this.#run((redis) =>
        Promise.all(
          entries.map(({ key, version, text }) => redis[PUT](key, version, text, CACHE_TTL_MS, untilMs)),
        ),
      )
      this.#events.cacheWorked()
      return !results.includes(TOO_LATE)
    } catch (error) {
      this.#events.cacheFailed('put', error)
      return false
    }
  }

  async #run<T>(work: (redis: Redis & Scripts) => Promise<T>): Promise<T> {
    return await this.#link.run((redis) => work(redis as Redis & Scripts))
  }
}
