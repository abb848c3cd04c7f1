/**
 * One kind of document: MongoDB decides, Redis answers most reads.
 *
 * A read is answered from Redis only where `Freshness` says that the value
 * cannot be older than a second; else from MongoDB; and from Redis after all
 * where MongoDB is away, since an old answer is better than none.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Collection } from 'mongodb'
import type { Cache, CacheRead } from './cache.ts'
import type { DirectoryEvents } from './events.ts'
import type { Freshness } from './freshness.ts'
import {
  type Change,
  type ChangeOutcome,
  changeDocument,
  findDocument,
  type InStore,
  type VersionedDocument,
} from './versioned-document.ts'

export type KindName = 'user' | 'contacts' | 'trip'

/** A document that is not there may be called missing for so long without looking again. */
const ABSENT_MS = 700
const ABSENT_MAX = 10_000

export interface Clocks {
  /** Milliseconds since 1970, for what is stored. */
  readonly nowMs: () => number
  /** Never goes back, for what is measured. */
  readonly monotonicMs: () => number
}

export interface CachedDocumentsParts<D extends VersionedDocument> {
  readonly kind: KindName
  readonly collection: Collection<D>
  readonly inStore: InStore
  readonly cache: Cache
  readonly freshness: Freshness
  readonly events: DirectoryEvents
  readonly clocks: Clocks
  /** This process, as it signs its changes. */
  readonly by: string
  /** Tells other nodes and, where it has an event, people and the operations room; never rejects. */
  readonly announce: (document: D) => Promise<unknown>
  /** Throws for what is not a document of this kind, such as a cached one of another release. */
  readonly check: (document: D) => unknown
  /** Whether to remember for a moment that a document is missing. */
  readonly remembersAbsence: boolean
}

export class CachedDocuments<D extends VersionedDocument> {
  readonly #parts: CachedDocumentsParts<D>
  readonly #absentUntilMs = new Map<string, number>()

  constructor(parts: CachedDocumentsParts<D>) {
    this.#parts = parts
  }

  get kind(): KindName {
    return this.#parts.kind
  }

  get collection(): Collection<D> {
    return this.#parts.collection
  }

  async find(id: string): Promise<D | undefined> {
    const { kind, cache, freshness, clocks, events } = this.#parts
    const key = cacheKey(kind, id)
    if (this.#isKnownAbsent(key)) {
      events.read(kind, 'absent')
      return undefined
    }
    // Asked before Redis is: what settles while Redis answers was not yet in that answer.
    const floorBefore = freshness.floorOf(key, clocks.monotonicMs())
    const read = await cache.read(key)
    const held = this.#decode(id, read)
    const floor = freshness.floorOf(key, clocks.monotonicMs())
    const isFresh = floorBefore !== undefined && floor !== undefined
    if (held !== undefined && isFresh && held.version >= Math.max(floorBefore, floor)) {
      events.read(kind, 'cache')
      return held
    }
    return await this.#findInStore(id, { key, read, held })
  }

  async change(
    id: string,
    decide: (current: D | undefined) => Change<D> | undefined,
  ): Promise<ChangeOutcome<D>> {
    const { kind, collection, inStore, cache, clocks, by, announce } = this.#parts
    const ticketMs = await cache.ticketMs()
    const outcome = await changeDocument(collection, id, { inStore, by, nowMs: clocks.nowMs, decide })
    if (!outcome.isChanged) return outcome
    this.heard(id, outcome.document.version)
    // A failure here is made good by the settler; until then `heard` keeps this node off the old value.
    if (ticketMs !== undefined) await cache.put([encode(kind, outcome.document)], ticketMs)
    await announce(outcome.document)
    return outcome
  }

  /** A version that exists: nothing older is fresh from now on. */
  heard(id: string, version: number): void {
    const key = cacheKey(this.#parts.kind, id)
    this.#parts.freshness.raise(key, version, this.#parts.clocks.monotonicMs())
    this.#absentUntilMs.delete(key)
  }

  async #findInStore(
    id: string,
    { key, read, held }: { key: string; read: CacheRead | undefined; held: D | undefined },
  ): Promise<D | undefined> {
    const { kind, collection, inStore, cache, clocks, events } = this.#parts
    const beganAtMs = clocks.monotonicMs()
    let found: D | undefined
    try {
      found = await inStore(() => findDocument(collection, id))
    } catch (error) {
      if (held === undefined || !isAway(error)) throw error
      events.read(kind, 'stale_cache')
      return held
    }
    events.read(kind, 'store')
    if (found === undefined) this.#rememberAbsence(key, beganAtMs)
    else if (read !== undefined) void cache.put([encode(kind, found)], read.ticketMs)
    return found
  }

  #decode(id: string, read: CacheRead | undefined): D | undefined {
    if (read?.value === undefined) return undefined
    try {
      const body = JSON.parse(read.value.text) as Record<string, unknown>
      const document = { ...body, _id: id, updatedAt: new Date(Number(body.updatedAt)) } as unknown as D
      if (document.version !== read.value.version)
        throw new Error('the value has another version than its key')
      this.#parts.check(document)
      return document
    } catch {
      // Of another release, or sealed under a key that is gone: MongoDB has it in the right form.
      this.#parts.events.cacheUnreadable(this.#parts.kind)
      return undefined
    }
  }

  #isKnownAbsent(key: string): boolean {
    const untilMs = this.#absentUntilMs.get(key)
    if (untilMs === undefined) return false
    if (this.#parts.clocks.monotonicMs() < untilMs) return true
    this.#absentUntilMs.delete(key)
    return false
  }

  #rememberAbsence(key: string, readAtMs: number): void {
    if (!this.#parts.remembersAbsence || this.#parts.freshness.isChanging(key)) return
    if (this.#absentUntilMs.size >= ABSENT_MAX) this.#absentUntilMs.clear()
    this.#absentUntilMs.set(key, readAtMs + ABSENT_MS)
  }
}

const KEY_PREFIXES: Readonly<Record<KindName, string>> = { user: 'user', contacts: 'emergency', trip: 'trip' }

/** The braces are Redis Cluster's hash tag. */
export function cacheKey(kind: KindName, id: string): string {
  return `${KEY_PREFIXES[kind]}:{${id}}`
}

/** The document as it is in MongoDB, sealed fields sealed, without what is still to be done about it. */
export function encode(
  kind: KindName,
  document: VersionedDocument,
): { key: string; version: number; text: string } {
  const { _id, pending, updatedAt, ...body } = document
  return {
    key: cacheKey(kind, _id),
    version: document.version,
    text: JSON.stringify({ ...body, updatedAt: updatedAt.getTime() }),
  }
}

function isAway(problem: unknown): boolean {
  return problem instanceof DomainError && problem.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
}
