/**
 * Reads the latest and the trail from Redis. Reads that come together, as when
 * an edge joins a thousand trips again, share one pipeline.
 */

import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Redis } from 'ioredis'
import type { Fix } from './fix.ts'
import { decodePosition } from './lane-codec.ts'
import { GEO_KEY, latestKey, trailKey, tripOfMember } from './redis-scripts.ts'

export interface LiveTrail {
  readonly latest: readonly Fix[]
  /** The newest that are newer than asked for, in no particular order. */
  readonly trail: readonly Fix[]
  /** Older ones that are newer than asked for were left out. */
  readonly isCut: boolean
  /** The time from which on the stream holds all; undefined where it holds nothing. */
  readonly firstMs: number | undefined
}

export interface NearbyTrip {
  readonly tripId: string
  readonly distanceM: number
}

export interface LiveReader {
  /** The newest fix of each person on the trip. */
  findLatest(tripId: string): Promise<readonly Fix[]>
  /** What is newer than `sinceMs`, the newest `entriesMax` of it. */
  readTrail(tripId: string, sinceMs: number, entriesMax: number): Promise<LiveTrail>
  findNear(lat: number, lng: number, radiusM: number, tripsMax: number): Promise<readonly NearbyTrip[]>
  findInBox(box: GeoBox, tripsMax: number): Promise<readonly string[]>
  /** All trips of the geo index. */
  scanIndex(tripsMax: number): Promise<readonly string[]>
}

/** By centre and size, as GEOSEARCH wants it. */
export interface GeoBox {
  readonly lat: number
  readonly lng: number
  readonly widthM: number
  readonly heightM: number
}

type Queued = readonly (readonly [name: string, ...args: (string | number)[]])[]

interface Waiting {
  readonly commands: Queued
  readonly resolve: (replies: unknown[]) => void
  readonly reject: (error: Error) => void
}

/** Reads in one pipeline. Some thousand rejoins at once would otherwise hold the process for long. */
const PIPELINE_MAX = 200
/** Pipelines under way. */
const PIPELINES_MAX = 2
const SCAN_COUNT = 1_000
const BAR = 0x7c

function unavailable(cause: unknown): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'live positions cannot be read; try again', {
    cause,
    retryAfterMs: 1_000,
  })
}

/** `<ms>|<encoded Position>` */
function readHeld(held: unknown): Fix | undefined {
  if (!Buffer.isBuffer(held)) return undefined
  const bar = held.indexOf(BAR)
  return bar < 0 ? undefined : decodePosition(held.subarray(bar + 1))
}

function readHash(reply: unknown): Fix[] {
  if (!Array.isArray(reply)) return []
  const fixes: Fix[] = []
  for (let index = 1; index < reply.length; index += 2) {
    const fix = readHeld(reply[index])
    if (fix !== undefined) fixes.push(fix)
  }
  return fixes
}

function readStream(reply: unknown): { readonly ms: number; readonly fix: Fix }[] {
  if (!Array.isArray(reply)) return []
  const entries: { ms: number; fix: Fix }[] = []
  for (const entry of reply as unknown[]) {
    if (!Array.isArray(entry)) continue
    const [id, fields] = entry as [unknown, unknown]
    const bytes: unknown = Array.isArray(fields) ? fields[1] : undefined
    if (Buffer.isBuffer(bytes))
      entries.push({ ms: Number.parseInt(String(id), 10), fix: decodePosition(bytes) })
  }
  return entries
}

export function createLiveReader(redis: Redis): LiveReader {
  const waiting: Waiting[] = []
  let pipelines = 0

  /** Raw replies, as Buffers. */
  function ask(commands: Queued): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      waiting.push({ commands, resolve, reject })
      if (waiting.length === 1) setImmediate(sendWaiting)
    })
  }

  function sendWaiting(): void {
    while (waiting.length > 0 && pipelines < PIPELINES_MAX) {
      pipelines++
      void sendSome(waiting.splice(0, PIPELINE_MAX)).finally(() => {
        pipelines--
        sendWaiting()
      })
    }
  }

  async function sendSome(asked: readonly Waiting[]): Promise<void> {
    try {
      const pipeline = redis.pipeline()
      for (const { commands } of asked)
        for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args)
      const replies = (await pipeline.exec()) ?? []
      let at = 0
      for (const { commands, resolve, reject } of asked) {
        const own = replies.slice(at, at + commands.length)
        at += commands.length
        const failed = own.find(([error]) => error !== null)
        if (failed !== undefined || own.length < commands.length) reject(unavailable(failed?.[0]))
        else resolve(own.map(([, reply]) => reply))
      }
    } catch (error) {
      for (const { reject } of asked) reject(unavailable(error))
    }
  }

  async function call(name: string, ...args: (string | number)[]): Promise<unknown> {
    const [reply] = await ask([[name, ...args]])
    return reply
  }

  return {
    findLatest: async (tripId) => readHash(await call('HGETALL', latestKey(tripId))),
    async readTrail(tripId, sinceMs, entriesMax) {
      const stream = trailKey(tripId)
      const [hash, entries, first] = await ask([
        ['HGETALL', latestKey(tripId)],
        ['XREVRANGE', stream, '+', sinceMs + 1, 'COUNT', entriesMax],
        ['XRANGE', stream, '-', '+', 'COUNT', 1],
      ])
      const trail = readStream(entries)
      // The stream is in the order of arrival, so a cut may take out newer fixes than it leaves.
      const isCut = trail.length >= entriesMax
      return {
        isCut,
        latest: readHash(hash),
        trail: trail.map(({ fix }) => fix).filter((fix) => fix.timestampMs > sinceMs),
        firstMs: readStream(first)[0]?.ms,
      }
    },
    async findNear(lat, lng, radiusM, tripsMax) {
      const from = ['GEOSEARCH', GEO_KEY, 'FROMLONLAT', lng, lat] as const
      const reply = await call(...from, 'BYRADIUS', radiusM, 'm', 'ASC', 'COUNT', tripsMax, 'WITHDIST')
      return (Array.isArray(reply) ? (reply as unknown[]) : []).flatMap((row) =>
        Array.isArray(row)
          ? [{ tripId: tripOfMember(String(row[0])), distanceM: Number(String(row[1])) }]
          : [],
      )
    },
    async findInBox({ lat, lng, widthM, heightM }, tripsMax) {
      const from = ['GEOSEARCH', GEO_KEY, 'FROMLONLAT', lng, lat] as const
      const reply = await call(...from, 'BYBOX', widthM, heightM, 'm', 'COUNT', tripsMax, 'ANY')
      return (Array.isArray(reply) ? (reply as unknown[]) : []).map((member) => tripOfMember(String(member)))
    },
    async scanIndex(tripsMax) {
      const found = new Set<string>()
      let cursor = '0'
      do {
        const reply = await call('ZSCAN', GEO_KEY, cursor, 'COUNT', SCAN_COUNT)
        const [next, rows] = Array.isArray(reply) ? (reply as [unknown, unknown]) : ['0', []]
        cursor = String(next)
        const members = Array.isArray(rows) ? (rows as unknown[]) : []
        for (let index = 0; index < members.length; index += 2)
          found.add(tripOfMember(String(members[index])))
      } while (cursor !== '0' && found.size < tripsMax)
      return [...found]
    },
  }
}
