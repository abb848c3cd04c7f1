/**
 * Every notification's record: MongoDB while it is there, memory while it is not.
 *
 * Nothing that a record came from is let go before MongoDB has it. So a crash
 * loses nothing, and hands a message over again unrecorded only where MongoDB
 * was away when the process died.
 */
import { KeptRecords } from './kept-records.ts'
import type { Announcement, Notification } from './notification.ts'
import type { ProviderName } from './provider.ts'
import { RecentIds } from './recent-ids.ts'
import { type Claim, isUnavailable, type RecordStore } from './record-store.ts'

/** Tells what there is to tell, and answers what could not be told. */
export type Tell = (notification: Notification) => Promise<readonly Announcement[]>

export interface RecordsParts {
  readonly store: RecordStore
  readonly tell: Tell
  readonly onKept: (notification: Notification) => void
  readonly nowMs: () => number
}

/** What could not be told is tried again after this. */
const TELL_AGAIN_MS = 5_000
/** Some ten megabytes, and more than the queue can bring again. */
const RECORDED_MAX = 100_000

export type Created =
  | 'created'
  /** MongoDB has it, from before. */
  | 'exists'
  /** It waits in memory. */
  | 'kept'
  /** It waits there from before. */
  | 'kept_before'

export class Records {
  readonly store: RecordStore
  readonly #tell: Tell
  readonly #nowMs: () => number
  readonly #kept: KeptRecords
  /** What MongoDB is known to have: a message that comes again while it is away is known all the same. */
  readonly #recorded = new RecentIds(RECORDED_MAX)

  constructor({ store, tell, onKept, nowMs }: RecordsParts) {
    this.store = store
    this.#tell = tell
    this.#nowMs = nowMs
    this.#kept = new KeptRecords({ store, onKept, onStored: (id) => this.#recorded.add(id), nowMs })
  }

  get keptCount(): number {
    return this.#kept.count
  }

  /** `onStored` is called once MongoDB has a record that is kept. */
  async create(notification: Notification, onStored?: () => void): Promise<Created> {
    const { id } = notification
    if (this.#kept.has(id)) return 'kept_before'
    if (this.#recorded.has(id)) return 'exists'
    const first = { ...notification, version: 1 }
    try {
      const outcome = await this.store.insert(first)
      this.#recorded.add(id)
      return outcome
    } catch (error) {
      if (!isUnavailable(error)) throw error
      // Another copy of the same message may have been faster.
      if (this.#recorded.has(id)) return 'exists'
      if (this.#kept.has(id)) return 'kept_before'
      this.#kept.add(first, 0, onStored)
      return 'kept'
    }
  }

  /** Answers those that were not there yet, as they are recorded. */
  async createMany(notifications: readonly Notification[]): Promise<Notification[]> {
    const outcomes = await Promise.all(notifications.map((notification) => this.create(notification)))
    return notifications
      .filter((_, index) => outcomes[index] === 'created' || outcomes[index] === 'kept')
      .map((notification) => ({ ...notification, version: 1 }))
  }

  /**
   * Applies the change, anew on the newest record where somebody else was
   * faster; undefined from `decide` leaves it as it is. Answers the record as
   * it is then.
   */
  async change(
    known: Notification,
    decide: (current: Notification) => Notification | undefined,
  ): Promise<Notification> {
    let stored = known
    for (;;) {
      const current = this.#kept.find(known.id) ?? stored
      const decided = decide(current)
      if (decided === undefined) return current
      const next = await this.#told({ ...decided, version: current.version + 1 })
      const fresh = await this.#save(next, current)
      if (fresh === undefined) return next
      stored = fresh
    }
  }

  /** Undefined when it is saved; otherwise the record that somebody else has changed. */
  async #save(next: Notification, current: Notification): Promise<Notification | undefined> {
    const kept = this.#kept.find(next.id)
    if (kept !== undefined) return this.#kept.replace(next, current) ? undefined : kept
    if (this.#kept.isSplitEarly(next)) {
      this.#kept.add(next, current.version)
      return undefined
    }
    try {
      if (await this.store.replace(next, current.version)) return undefined
      const fresh = await this.store.find(next.id)
      if (fresh !== undefined) return fresh
      // MongoDB has lost it, or it outlived its time and goes again by itself.
      const outcome = await this.store.insert(next)
      return outcome === 'created' ? undefined : await this.store.find(next.id)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      const other = this.#kept.find(next.id)
      if (other !== undefined) return other
      this.#kept.add(next, current.version)
      return undefined
    }
  }

  /** Published first, stored after: a crash in between tells it twice, where the other order could tell it never. */
  async #told(notification: Notification): Promise<Notification> {
    if (notification.announcements.length === 0) return notification
    const announcements = await this.#tell(notification)
    const isResting = notification.dueMs === undefined && announcements.length > 0
    const dueMs = isResting ? this.#nowMs() + TELL_AGAIN_MS : notification.dueMs
    return { ...notification, announcements, dueMs }
  }

  async find(id: string): Promise<Notification | undefined> {
    return this.#kept.find(id) ?? (await this.store.find(id))
  }

  async findByProviderId(provider: ProviderName, providerId: string): Promise<Notification | undefined> {
    return (
      this.#kept.findByProviderId(provider, providerId) ??
      (await this.store.findByProviderId(provider, providerId))
    )
  }

  /** One that is due, for the claimer alone. */
  async claimDue(claim: Claim): Promise<Notification | undefined> {
    const kept = this.#kept.claimDue(claim)
    if (kept !== undefined) return kept
    for (;;) {
      const due = await this.store.claimDue(claim)
      // What memory has of it is newer, and is stored first.
      if (due === undefined || !this.#kept.has(due.id)) return due
    }
  }

  /** Brings to MongoDB what it could not take before. */
  async storeKept(): Promise<void> {
    await this.#kept.storeAll()
  }
}
