/** Notifications in MongoDB: guarded writes, claims of what is due. Fails fast while MongoDB is away. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { storeAway } from '@hushryd/kernel/stores/store-error.ts'
import type { Collection } from 'mongodb'
import { BusyStore } from './busy-store.ts'
import type { Notification, Priority } from './notification.ts'
import type { ProviderName } from './provider.ts'
import { fromDocument, type NotificationDocument, notificationsSpec } from './record-document.ts'
import { RecordWriter } from './record-writer.ts'

/** A disk may stall for seconds. Of its minute a message of high priority has most left then. */
const MUTE_MS = 8_000
/** Beyond it a store that still answers others is no better than one that does not. */
const OPERATION_MS_MAX = 30_000

export function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
}

export interface Claim {
  readonly priority: Priority
  readonly nowMs: number
  readonly leaseUntilMs: number
  readonly lease: string
}

export interface FailedPage {
  /** Of the last one of the page before. */
  readonly after: { readonly acceptedMs: number; readonly id: string } | undefined
  readonly limit: number
}

export class RecordStore {
  readonly #mongo: MongoLink
  readonly #collection: Collection<NotificationDocument>
  readonly #busy: BusyStore
  readonly #writer: RecordWriter

  /** `placesMax`: operations at once, no more than there are connections. */
  constructor(mongo: MongoLink, placesMax: number) {
    this.#mongo = mongo
    this.#busy = new BusyStore({ placesMax, muteMs: MUTE_MS, away: () => storeAway('mongo') })
    this.#collection = mongo.db.collection<NotificationDocument>(notificationsSpec.name)
    this.#writer = new RecordWriter({ collection: this.#collection, run: (work) => this.run(work) })
  }

  /** Every operation's errors translated: UNAVAILABLE where MongoDB is away or mute. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    return await this.#mongo.run(() => this.#busy.run(work), { timeoutMs: OPERATION_MS_MAX })
  }

  async insert(notification: Notification): Promise<'created' | 'exists'> {
    return await this.#writer.insert(notification)
  }

  /** False where somebody else has changed it since. */
  async replace(notification: Notification, storedVersion: number): Promise<boolean> {
    return await this.#writer.replace(notification, storedVersion)
  }

  async find(id: string): Promise<Notification | undefined> {
    const document = await this.run(() => this.#collection.findOne({ _id: id }))
    return document === null ? undefined : fromDocument(document)
  }

  async findByProviderId(provider: ProviderName, providerId: string): Promise<Notification | undefined> {
    const document = await this.run(() =>
      this.#collection.findOne({
        'attempts.providerId': providerId,
        attempts: { $elemMatch: { provider, providerId } },
      }),
    )
    return document === null ? undefined : fromDocument(document)
  }

  /** Takes the one that is due the longest; nobody else gets it until the lease is over. */
  async claimDue({ priority, nowMs, leaseUntilMs, lease }: Claim): Promise<Notification | undefined> {
    const document = await this.run(() =>
      this.#collection.findOneAndUpdate(
        { priority, dueAt: { $lte: new Date(nowMs) } },
        { $set: { dueAt: new Date(leaseUntilMs), lease }, $inc: { version: 1 } },
        { sort: { dueAt: 1 }, returnDocument: 'after' },
      ),
    )
    return document === null ? undefined : fromDocument(document)
  }

  async countFailed(): Promise<number> {
    return await this.run(() => this.#collection.countDocuments({ state: 'failed' }))
  }

  /** Newest first. */
  async listFailed({ after, limit }: FailedPage): Promise<Notification[]> {
    const from =
      after === undefined
        ? {}
        : {
            $or: [
              { acceptedAt: { $lt: new Date(after.acceptedMs) } },
              { acceptedAt: new Date(after.acceptedMs), _id: { $lt: after.id } },
            ],
          }
    const documents = await this.run(() =>
      this.#collection
        .find({ state: 'failed', ...from })
        .sort({ acceptedAt: -1, _id: -1 })
        .limit(limit)
        .toArray(),
    )
    return documents.map(fromDocument)
  }
}
