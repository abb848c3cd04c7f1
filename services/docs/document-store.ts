/** Documents in MongoDB: each change is one guarded write, so that processes need no other agreement. */
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, type Filter, MongoServerError } from 'mongodb'
import {
  type Deletion,
  type Document,
  type DocumentType,
  type Rejection,
  type Review,
  type State,
  type StoredFile,
  TRANSITIONS,
  type Transition,
} from './document.ts'
import { type DocumentRecord, documentsSpec, toDocument } from './document-record.ts'
import type { Position } from './page-token.ts'

const DUPLICATE_KEY = 11_000

export type Announcement = Pick<
  Document,
  'id' | 'userId' | 'type' | 'fileName' | 'contentType' | 'sizeBytes' | 'sha256'
>

/** What a change of state says beside the state. */
export interface Change {
  readonly nowMs: number
  /** When somebody looks at it again; undefined where it rests. */
  readonly dueMs?: number | undefined
  readonly stored?: StoredFile
  readonly rejection?: Rejection
  readonly review?: Review
  readonly deletion?: Deletion
  readonly isOwnerUntold?: boolean
}

export interface ListFilter {
  readonly userId: string | undefined
  readonly type: DocumentType | undefined
  readonly states: readonly State[] | undefined
  readonly after: Position | undefined
  readonly limit: number
}

function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY
}

export class DocumentStore {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  #run<T>(work: (documents: Collection<DocumentRecord>) => Promise<T>): Promise<T> {
    return this.#link.run((db) => work(db.collection<DocumentRecord>(documentsSpec.name)))
  }

  /** The upload that waits for this very file, with what was announced last; a new one where there is none. */
  async announce(
    announcement: Announcement,
    { nowMs, dueMs }: { readonly nowMs: number; readonly dueMs: number },
  ): Promise<Document> {
    const { id, userId, type, sha256, ...latest } = announcement
    const upsert = () =>
      this.#run((documents) =>
        documents.findOneAndUpdate(
          { userId, type, sha256, state: 'uploading' },
          {
            $set: { ...latest, changedMs: nowMs, dueAt: new Date(dueMs) },
            $setOnInsert: { _id: id, createdAt: new Date(nowMs), examinations: 0 },
          },
          { upsert: true, returnDocument: 'after' },
        ),
      )
    // Two at once: the index lets one in, and the other finds it.
    const record = await upsert().catch((error: unknown) => {
      if (isDuplicate(error)) return upsert()
      throw error
    })
    if (record === null) throw new Error('an upsert without a record')
    return toDocument(record)
  }

  /** Takes back an announcement whose file nobody has been told to upload. */
  async withdraw(id: string): Promise<void> {
    await this.#run((documents) => documents.deleteOne({ _id: id, state: 'uploading' }))
  }

  async find(id: string): Promise<Document | undefined> {
    const record = await this.#run((documents) => documents.findOne({ _id: id }))
    return record === null ? undefined : toDocument(record)
  }

  /** The document after the change; undefined where its state does not allow it any more. */
  async transit(id: string, transition: Transition, change: Change): Promise<Document | undefined> {
    const { from, to } = TRANSITIONS[transition]
    const { nowMs, dueMs, ...facts } = change
    const record = await this.#run((documents) =>
      documents.findOneAndUpdate(
        { _id: id, state: { $in: [...from] } },
        {
          $set: {
            ...facts,
            state: to,
            changedMs: nowMs,
            ...(dueMs === undefined ? {} : { dueAt: new Date(dueMs) }),
          },
          ...(dueMs === undefined ? { $unset: { dueAt: '' } } : {}),
        },
        { returnDocument: 'after' },
      ),
    )
    return record === null ? undefined : toDocument(record)
  }

  /** Counts one more examination; answers how many there were before. */
  async beginExamination(id: string): Promise<number> {
    const record = await this.#run((documents) =>
      documents.findOneAndUpdate({ _id: id, state: 'processing' }, { $inc: { examinations: 1 } }),
    )
    return record?.examinations ?? 0
  }

  async endExamination(id: string): Promise<void> {
    await this.#run((documents) =>
      documents.updateOne({ _id: id, examinations: { $gt: 0 } }, { $inc: { examinations: -1 } }),
    )
  }

  async ownerTold(id: string): Promise<void> {
    await this.#run((documents) =>
      documents.updateOne({ _id: id, state: 'rejected' }, { $unset: { isOwnerUntold: '', dueAt: '' } }),
    )
  }

  /** Its message was not taken: the sweeper queues it at its next look. */
  async hasten(id: string, nowMs: number): Promise<void> {
    await this.#run((documents) => documents.updateOne({ _id: id }, { $set: { dueAt: new Date(nowMs) } }))
  }

  /** The last step of a deletion. */
  async remove(id: string): Promise<void> {
    await this.#run((documents) => documents.deleteOne({ _id: id, state: 'deleting' }))
  }

  async list({ userId, type, states, after, limit }: ListFilter): Promise<Document[]> {
    const filter: Filter<DocumentRecord> = {
      ...(userId === undefined ? {} : { userId }),
      // Sealed ones are seen only by those who ask for them.
      type: type ?? { $nin: ['aadhar'] },
      state: states === undefined ? { $ne: 'deleting' } : { $in: [...states] },
      ...(after === undefined
        ? {}
        : {
            $or: [
              { createdAt: { $lt: new Date(after.createdMs) } },
              { createdAt: new Date(after.createdMs), _id: { $lt: after.id } },
            ],
          }),
    }
    const records = await this.#run((documents) =>
      documents.find(filter).sort({ createdAt: -1, _id: -1 }).limit(limit).toArray(),
    )
    return records.map(toDocument)
  }

  /** Those that count against a person's quota; counted no further than `max`. */
  async countOf(userId: string, max: number): Promise<{ readonly waiting: number; readonly all: number }> {
    const records = await this.#run((documents) =>
      documents
        .find({ userId, state: { $nin: ['rejected', 'deleting'] } })
        .project<Pick<DocumentRecord, 'state'>>({ state: 1 })
        .limit(max)
        .toArray(),
    )
    return { waiting: records.filter(({ state }) => state === 'uploading').length, all: records.length }
  }

  /** Takes those that are due the longest; nobody else gets them until the lease is over. */
  async claimDue(nowMs: number, leaseMs: number, limit: number): Promise<Document[]> {
    return await this.#run(async (documents) => {
      const due = { dueAt: { $lte: new Date(nowMs) } }
      const found = await documents.find(due).sort({ dueAt: 1 }).limit(limit).toArray()
      const claimed: Document[] = []
      for (const record of found) {
        const { matchedCount } = await documents.updateOne(
          { _id: record._id, ...due },
          { $set: { dueAt: new Date(nowMs + leaseMs) } },
        )
        if (matchedCount === 1) claimed.push(toDocument(record))
      }
      return claimed
    })
  }

  /** Those of a type that were announced before, in states where nothing is under way. */
  async listOlder(
    filter: { readonly type?: DocumentType; readonly states: readonly State[] },
    beforeMs: number,
    limit: number,
  ): Promise<Document[]> {
    const { type, states } = filter
    const records = await this.#run((documents) =>
      documents
        .find({
          ...(type === undefined ? {} : { type }),
          state: { $in: [...states] },
          createdAt: { $lt: new Date(beforeMs) },
        })
        .limit(limit)
        .toArray(),
    )
    return records.map(toDocument)
  }

  /** Uploaded, and not decided yet. */
  async countWaiting(): Promise<number> {
    return await this.#run((documents) => documents.countDocuments({ state: 'processing' }))
  }

  /** Of many at once, for reconciliation. */
  async findMany(ids: readonly string[]): Promise<ReadonlyMap<string, Document>> {
    const records = await this.#run((documents) => documents.find({ _id: { $in: [...ids] } }).toArray())
    return new Map(records.map((record) => [record._id, toDocument(record)]))
  }

  /** All, a page at a time in the order of their ids, for reconciliation. */
  async pageOfAll(afterId: string, limit: number): Promise<Document[]> {
    const records = await this.#run((documents) =>
      documents
        .find({ _id: { $gt: afterId } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    )
    return records.map(toDocument)
  }
}
