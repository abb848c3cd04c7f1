/**
 * How this service changes a document: read, decide, write back only if
 * nobody else was faster. No transactions, no sessions.
 *
 * The same atomic write raises the version and leaves a mark, so that the
 * cache and everyone who is to be told can be brought up to date by any node,
 * also when this process ends in the very next moment (`settler.ts`).
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import {
  type Collection,
  type Document,
  type Filter,
  type IndexDescription,
  MongoServerError,
  type OptionalUnlessRequiredId,
} from 'mongodb'
import type { TripEvent } from './trip.ts'

/** What is still to be done for the newest change of a document. */
export interface Mark {
  /** The process that made the change, and normally also settles it. */
  readonly by: string
  readonly at: Date
  readonly event?: TripEvent
}

export interface VersionedDocument {
  readonly _id: string
  /** 1 when created; one more with each change. */
  readonly version: number
  readonly updatedAt: Date
  readonly pending?: Mark
}

/** A document without what every document has. */
export type BodyOf<D extends VersionedDocument> = Omit<D, keyof VersionedDocument>

export interface Change<D extends VersionedDocument> {
  readonly body: BodyOf<D>
  readonly event?: TripEvent | undefined
}

export interface ChangeOutcome<D extends VersionedDocument> {
  readonly document: D
  readonly isChanged: boolean
}

/** A collection as code: what it takes in, and how it is found. */
export interface CollectionShape {
  readonly name: string
  readonly validator: Document
  readonly indexes: readonly IndexDescription[]
}

/** Adds to a collection's own fields what every document has, and the index by which marks are found. */
export function documentShape(
  name: string,
  own: {
    required: readonly string[]
    properties: Readonly<Record<string, Document>>
    indexes: readonly IndexDescription[]
  },
): CollectionShape {
  return {
    name,
    validator: {
      $jsonSchema: {
        bsonType: 'object',
        required: ['_id', 'version', 'updatedAt', ...own.required],
        additionalProperties: false,
        properties: {
          _id: { bsonType: 'string' },
          version: { bsonType: ['int', 'long'], minimum: 1 },
          updatedAt: { bsonType: 'date' },
          pending: { bsonType: 'object', required: ['by', 'at'] },
          ...own.properties,
        },
      },
    },
    // Sparse: it holds only the few documents that changed in the last seconds.
    indexes: [{ name: 'pending_at', key: { 'pending.at': 1 }, sparse: true }, ...own.indexes],
  }
}

/** Writers of one document at one moment; each round lets at least one of them through. */
const ATTEMPTS_MAX = 24
const RETRY_PAUSE_MS_MAX = 12
const DUPLICATE_KEY = 11000

/** Runs one command; throws UNAVAILABLE where MongoDB is away or too slow. */
export type InStore = <T>(command: () => Promise<T>) => Promise<T>

/** `decide` gives the new body, or undefined where nothing changes; what it throws goes to the caller. */
export async function changeDocument<D extends VersionedDocument>(
  collection: Collection<D>,
  id: string,
  {
    inStore,
    by,
    nowMs,
    decide,
  }: {
    inStore: InStore
    by: string
    nowMs: () => number
    decide: (current: D | undefined) => Change<D> | undefined
  },
): Promise<ChangeOutcome<D>> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const current = await inStore(() => findDocument(collection, id))
    const change = decide(current)
    if (change === undefined) {
      // Only a document that is there can stay as it is.
      if (current === undefined) throw new Error('a missing document was decided to be unchanged')
      return { document: current, isChanged: false }
    }
    const at = new Date(nowMs())
    const pending: Mark = change.event === undefined ? { by, at } : { by, at, event: change.event }
    // The cast is this one place's: a body and the common fields make a whole document.
    const document = {
      ...change.body,
      _id: id,
      version: (current?.version ?? 0) + 1,
      updatedAt: at,
      pending,
    } as unknown as D
    if (await inStore(() => writeGuarded(collection, current, document))) return { document, isChanged: true }
    await sleep(randomInt(RETRY_PAUSE_MS_MAX))
  }
  throw new DomainError(
    ErrorReason.ERROR_REASON_UNAVAILABLE,
    'Too many changes of the same record at once.',
    {
      retryAfterMs: 100,
    },
  )
}

export async function findDocument<D extends VersionedDocument>(
  collection: Collection<D>,
  id: string,
): Promise<D | undefined> {
  const found = await collection.findOne({ _id: id } as Filter<D>)
  return (found ?? undefined) as D | undefined
}

/** False when another writer was faster. */
async function writeGuarded<D extends VersionedDocument>(
  collection: Collection<D>,
  current: D | undefined,
  document: D,
): Promise<boolean> {
  if (current === undefined) {
    try {
      await collection.insertOne(document as OptionalUnlessRequiredId<D>)
      return true
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false
      throw error
    }
  }
  const guard = { _id: current._id, version: current.version } as Filter<D>
  const { _id, ...replacement } = document
  const { matchedCount } = await collection.replaceOne(guard, replacement as never)
  return matchedCount === 1
}
