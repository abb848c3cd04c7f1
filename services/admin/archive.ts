/** The archive in MongoDB: every event of the log, for longer than the log has it. */

import type { LoggedEvent } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, type Filter, MongoBulkWriteError } from 'mongodb'
import { type ArchiveDocument, RECORDED_INDEX, sequenceOf } from './archive-document.ts'
import { type ArchiveSearch, type PlaceBounds, searchFilter } from './archive-search.ts'

export interface Page {
  readonly events: readonly LoggedEvent[]
  /** For the next page's `before`; undefined on the last. */
  readonly next: string | undefined
}

const DUPLICATE_KEY = 11_000
const SEARCH_TIMEOUT_MS = 5_000
/** How far the clocks of two leaders of the log may be apart. */
const SKEW_MS = 60_000

export class Archive {
  readonly #mongo: MongoLink
  readonly #collection: Collection<ArchiveDocument>

  constructor(mongo: MongoLink, collectionName: string) {
    this.#mongo = mongo
    this.#collection = mongo.db.collection(collectionName)
  }

  /** Resolves once a majority has them; answers how many MongoDB will never take. A second time changes nothing. */
  async write(documents: readonly ArchiveDocument[]): Promise<number> {
    if (documents.length === 0) return 0
    return await this.#mongo.run(async () => {
      try {
        await this.#collection.insertMany([...documents], { ordered: false })
        return 0
      } catch (error) {
        const errors = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : []
        if (errors.length === 0) throw error
        return errors.filter(({ code }) => code !== DUPLICATE_KEY).length
      }
    })
  }

  /** Newest first. */
  async search(search: ArchiveSearch, bounds: PlaceBounds, count: number): Promise<Page> {
    return await this.#mongo.run(
      async () => {
        const inTime = await this.#placesOf(search)
        const filter = searchFilter(search, { ...inTime, ...bounds }) as Filter<ArchiveDocument>
        const found = await this.#collection
          .find(filter, { projection: { recordedAt: 1, event: 1 } })
          .sort({ _id: -1 })
          .limit(count + 1)
          .toArray()
        const shown = found.slice(0, count)
        return {
          events: shown.map(openDocument),
          next: found.length > count ? shown.at(-1)?._id : undefined,
        }
      },
      { timeoutMs: SEARCH_TIMEOUT_MS },
    )
  }

  /** A time as a place, so that a search by time alone goes along the log instead of sorting. */
  async #placesOf({ fromMs, toMs }: ArchiveSearch): Promise<PlaceBounds> {
    const place = async (atMs: number): Promise<string | undefined> => {
      const [first] = await this.#collection
        .find({ recordedAt: { $gte: new Date(atMs) } }, { projection: { _id: 1 }, hint: RECORDED_INDEX })
        .sort({ recordedAt: 1 })
        .limit(1)
        .toArray()
      return first?._id
    }
    const [from, to] = await Promise.all([
      fromMs <= SKEW_MS ? undefined : place(fromMs - SKEW_MS),
      toMs === 0 ? undefined : place(toMs + SKEW_MS),
    ])
    return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  }
}

function openDocument({ _id, recordedAt, event }: ArchiveDocument): LoggedEvent {
  return { sequence: sequenceOf(_id), recordedAt: recordedAt.getTime(), event: Event.decode(event.value()) }
}
