/**
 * Finishes what a change of a document leaves to do.
 *
 * Several times a second it lists the marked documents of all nodes: that list
 * is what `Freshness` judges cached values by. Once a mark has been seen for
 * long enough, the document is put into Redis a last time, announced if that
 * has not happened, and the mark is taken off. It is how a write that found
 * Redis or NATS away is made good, and how other nodes finish the work of a
 * process that died between MongoDB and the rest.
 */
import type { AnyBulkWriteOperation, Collection, Filter } from 'mongodb'
import type { Cache } from './cache.ts'
import { type Clocks, cacheKey, encode, type KindName } from './cached-documents.ts'
import type { DirectoryEvents } from './events.ts'
import type { Freshness } from './freshness.ts'
import type { InStore, VersionedDocument } from './versioned-document.ts'

/** With TRUST_MS of 700 ms, two sweeps in a row may fail before reads leave the cache. */
export const SWEEP_EVERY_MS = 200
/**
 * A mark stays at least so long: more than PUT_WITHIN_MS of `cache.ts`, so that
 * no process that still holds the value from before can put it into Redis after the last put.
 */
const SETTLE_OWN_MS = 2000
/** The process that made the change is first; past this it has died, or cannot reach Redis. */
const SETTLE_FOREIGN_MS = 5000
/** While NATS is away marks wait so long; then nodes and apps learn it when they read again. */
const ANNOUNCE_WITHIN_MS = 60_000
/** Marked documents of one kind that a sweep takes in. With more, all reads go to MongoDB until fewer are left. */
const LISTED_MAX = 2000
const SETTLE_BATCH_MAX = 500

/** A kind of document with the types of its body left out: the settler only looks at the common fields. */
export interface Settleable {
  readonly kind: KindName
  readonly collection: Collection<VersionedDocument>
  /** True once it is with NATS, also when that was before; never rejects. */
  readonly announce: (document: VersionedDocument) => Promise<boolean>
}

export interface SettlerParts {
  readonly kinds: readonly Settleable[]
  readonly inStore: InStore
  readonly cache: Cache
  readonly freshness: Freshness
  readonly events: DirectoryEvents
  readonly clocks: Clocks
  readonly by: string
}

interface Seen {
  readonly id: string
  readonly version: number
  readonly by: string
  readonly sinceMs: number
}

export class Settler {
  readonly #parts: SettlerParts
  readonly #seen = new Map<KindName, ReadonlyMap<string, Seen>>()
  #settling: Promise<void> | undefined

  constructor(parts: SettlerParts) {
    this.#parts = parts
  }

  /** One sweep. What is due is settled meanwhile, so that a slow Redis cannot delay the next sweep. */
  async sweep(): Promise<void> {
    const { kinds, freshness, clocks, events } = this.#parts
    const beganAtMs = clocks.monotonicMs()
    const lists = await Promise.all(kinds.map((kind) => this.#list(kind)))
    const listed = new Map<string, number>()
    for (const [index, { kind }] of kinds.entries()) {
      const seen = lists[index] ?? new Map<string, Seen>()
      this.#seen.set(kind, seen)
      events.marked(kind, seen.size)
      for (const { id, version } of seen.values()) listed.set(cacheKey(kind, id), version)
    }
    if (lists.every((list) => list.size <= LISTED_MAX)) freshness.sweepDone(beganAtMs, listed)
    this.#settling ??= this.#settleDue().finally(() => {
      this.#settling = undefined
    })
  }

  /** Resolves when nothing is being settled any more. */
  async idle(): Promise<void> {
    await this.#settling
  }

  async #list({ kind, collection }: Settleable): Promise<ReadonlyMap<string, Seen>> {
    const marked = await this.#parts.inStore(() =>
      collection
        .find({ 'pending.at': { $gt: new Date(0) } } as Filter<VersionedDocument>, {
          projection: { version: 1, 'pending.by': 1 },
        })
        .sort({ 'pending.at': 1 })
        .limit(LISTED_MAX + 1)
        .toArray(),
    )
    // After the answer: the change came before this, and its time to settle counts from no earlier.
    const nowMs = this.#parts.clocks.monotonicMs()
    const before = this.#seen.get(kind)
    const seen = new Map<string, Seen>()
    for (const { _id, version, pending } of marked) {
      const known = before?.get(_id)
      const sinceMs = known?.version === version ? known.sinceMs : nowMs
      seen.set(_id, { id: _id, version, by: pending?.by ?? '', sinceMs })
    }
    return seen
  }

  async #settleDue(): Promise<void> {
    const { kinds, events } = this.#parts
    for (const kind of kinds) {
      const due = this.#due(kind.kind)
      if (due.length === 0) continue
      try {
        await this.#settle(kind, due)
      } catch (error) {
        // The marks are still there: the next sweep comes back to them.
        events.settleFailed(kind.kind, error)
      }
    }
  }

  #due(kind: KindName): readonly Seen[] {
    const nowMs = this.#parts.clocks.monotonicMs()
    const isDue = ({ by, sinceMs }: Seen): boolean =>
      nowMs - sinceMs >= (by === this.#parts.by ? SETTLE_OWN_MS : SETTLE_FOREIGN_MS)
    return [...(this.#seen.get(kind)?.values() ?? [])].filter(isDue).slice(0, SETTLE_BATCH_MAX)
  }

  async #settle({ kind, collection, announce }: Settleable, due: readonly Seen[]): Promise<void> {
    const { inStore, cache, clocks, events } = this.#parts
    const ticketMs = await cache.ticketMs()
    if (ticketMs === undefined) return
    const versions = new Map(due.map((seen) => [seen.id, seen]))
    const ids = { _id: { $in: [...versions.keys()] } } as Filter<VersionedDocument>
    const found = await inStore(() => collection.find(ids).toArray())
    // One that has changed since has a new mark, and its own time.
    const documents = found.filter(
      ({ _id, version, pending }) => pending && versions.get(_id)?.version === version,
    )
    if (documents.length === 0) return
    if (
      !(await cache.put(
        documents.map((document) => encode(kind, document)),
        ticketMs,
      ))
    )
      return
    const isAnnounced = await Promise.all(documents.map(announce))
    const nowMs = clocks.monotonicMs()
    const done = documents.filter((document, index) => {
      if (isAnnounced[index]) return true
      const isOverdue = nowMs - (versions.get(document._id)?.sinceMs ?? nowMs) > ANNOUNCE_WITHIN_MS
      if (isOverdue) events.announceDropped(kind)
      return isOverdue
    })
    if (done.length === 0) return
    const unmark = done.map(
      ({ _id, version }): AnyBulkWriteOperation<VersionedDocument> => ({
        updateOne: { filter: { _id, version }, update: { $unset: { pending: '' } } },
      }),
    )
    await inStore(() => collection.bulkWrite(unmark, { ordered: false }))
    events.settled(kind, done.length)
  }
}
