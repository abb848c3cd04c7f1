/**
 * Writes records in groups: one alone goes at once, and in a flood a write
 * carries hundreds, each still guarded by the version that it replaces.
 */
import { randomUUID } from 'node:crypto'
import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
import { type Collection, MongoBulkWriteError } from 'mongodb'
import type { Notification } from './notification.ts'
import { type NotificationDocument, toDocument } from './record-document.ts'

export interface RecordWriterOptions {
  readonly collection: Collection<NotificationDocument>
  /** With errors translated. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

interface Write<Outcome> {
  readonly document: NotificationDocument
  /** Of a replacement: the version that MongoDB has to have. */
  readonly storedVersion: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

type Inserted = 'created' | 'exists'
/** MongoDB's codes, by the place in the group. */
type Refusals = ReadonlyMap<number, number>

const DUPLICATE_KEY = 11_000
const GROUP_MAX = 500

export class RecordWriter {
  readonly #options: RecordWriterOptions
  readonly #inserts: GroupCommit<Write<Inserted>>
  readonly #replacements: GroupCommit<Write<boolean>>

  constructor(options: RecordWriterOptions) {
    this.#options = options
    this.#inserts = new GroupCommit({
      batchMax: GROUP_MAX,
      commit: (writes) => settle(writes, () => this.#insert(writes)),
    })
    this.#replacements = new GroupCommit({
      batchMax: GROUP_MAX,
      commit: (writes) => settle(writes, () => this.#replace(writes)),
    })
  }

  async insert(notification: Notification): Promise<Inserted> {
    return await add(this.#inserts, { document: toDocument(notification), storedVersion: 0 })
  }

  /** False where somebody else has changed it since. */
  async replace(notification: Notification, storedVersion: number): Promise<boolean> {
    const document = { ...toDocument(notification), stamp: randomUUID() }
    return await add(this.#replacements, { document, storedVersion })
  }

  async #insert(writes: readonly Write<Inserted>[]): Promise<void> {
    const { collection, run } = this.#options
    const documents = writes.map(({ document }) => document)
    const refusals = await run(async () => {
      try {
        await collection.insertMany(documents, { ordered: false })
        return new Map()
      } catch (error) {
        return refusalsOf(error)
      }
    })
    for (const [index, { resolve, reject }] of writes.entries()) {
      const code = refusals.get(index)
      if (code === undefined) resolve('created')
      else if (code === DUPLICATE_KEY) resolve('exists')
      else reject(refused(code))
    }
  }

  async #replace(writes: readonly Write<boolean>[]): Promise<void> {
    const { collection, run } = this.#options
    const operations = writes.map(({ document: { _id, ...replacement }, storedVersion }) => ({
      replaceOne: { filter: { _id, version: storedVersion }, replacement },
    }))
    const { matchedCount, refusals } = await run(async () => {
      try {
        const { matchedCount } = await collection.bulkWrite(operations, { ordered: false })
        return { matchedCount, refusals: new Map<number, number>() }
      } catch (error) {
        return { matchedCount: 0, refusals: refusalsOf(error) }
      }
    })
    const stamps = matchedCount === writes.length ? undefined : await this.#findStamps(writes)
    for (const [index, { document, resolve, reject }] of writes.entries()) {
      const code = refusals.get(index)
      if (code !== undefined) reject(refused(code))
      // One that was written and has been changed since counts as changed, which its writer looks at anew.
      else resolve(stamps?.has(document.stamp) ?? true)
    }
  }

  /** MongoDB says how many it has replaced, and not which. */
  async #findStamps(writes: readonly Write<boolean>[]): Promise<ReadonlySet<string | undefined>> {
    const { collection, run } = this.#options
    const ids = writes.map(({ document }) => document._id)
    const found = await run(() =>
      collection.find({ _id: { $in: ids } }, { projection: { stamp: 1 } }).toArray(),
    )
    return new Set(found.map(({ stamp }) => stamp))
  }
}

async function add<Outcome>(
  group: GroupCommit<Write<Outcome>>,
  write: Pick<Write<Outcome>, 'document' | 'storedVersion'>,
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  group.add({ ...write, resolve, reject })
  return await promise
}

async function settle(writes: readonly Write<never>[], write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    for (const { reject } of writes) reject(error)
  }
}

/** Throws what is no answer to the single writes: one that broke off in the middle names none of them. */
function refusalsOf(error: unknown): Refusals {
  const failures = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : []
  if (failures.length === 0) throw error
  return new Map(failures.map(({ index, code }) => [index, Number(code)]))
}

function refused(code: number): Error {
  return new Error(`MongoDB refuses the record (${code})`)
}
