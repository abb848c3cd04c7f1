/**
 * Every notification's record: MongoDB while it is there, memory while it is not.
 *
 * A record that MongoDB could not take is kept here until it can, and sending
 * goes on from it. What it came from, a message in the queue, is released only
 * then; so a crash in between loses nothing and repeats at most one hand-over.
 */
import { type Announcement, isOpen, type Notification } from './notification.ts'
import type { ProviderName } from './provider.ts'
import { type Claim, isUnavailable, type RecordStore } from './record-store.ts'
import { mergeRecords } from './transitions.ts'

interface Kept {
  readonly notification: Notification
  /** What MongoDB has; 0 for nothing. */
  readonly storedVersion: number
  readonly onStored: () => void
}

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

const nothing = (): void => undefined

export class Records {
  readonly store: RecordStore
  readonly #tell: Tell
  readonly #onKept: RecordsParts['onKept']
  readonly #nowMs: () => number
  readonly #kept = new Map<string, Kept>()

  constructor({ store, tell, onKept, nowMs }: RecordsParts) {
    this.store = store
    this.#tell = tell
    this.#onKept = onKept
    this.#nowMs = nowMs
  }

  get keptCount(): number {
    return this.#kept.size
  }

  isKept(id: string): boolean {
    return this.#kept.has(id)
  }

  /** `onStored` is called once MongoDB has a record that is kept. */
  async create(
    notification: Notification,
    onStored: () => void = nothing,
  ): Promise<'created' | 'exists' | 'kept'> {
    if (this.#kept.has(notification.id)) return 'exists'
    const first = { ...notification, version: 1 }
    try {
      return await this.store.insert(first)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      this.#keep(first, 0, onStored)
      return 'kept'
    }
  }

  /** Answers those that were not there yet, as they are recorded. */
  async createMany(notifications: readonly Notification[]): Promise<Notification[]> {
    const fresh = notifications
      .filter(({ id }) => !this.#kept.has(id))
      .map((notification) => ({ ...notification, version: 1 }))
    if (fresh.length === 0) return []
    try {
      const known = await this.store.insertMany(fresh)
      return fresh.filter(({ id }) => !known.has(id))
    } catch (error) {
      if (!isUnavailable(error)) throw error
      for (const notification of fresh) this.#keep(notification, 0)
      return fresh
    }
  }

  #keep(notification: Notification, storedVersion: number, onStored: () => void = nothing): void {
    this.#kept.set(notification.id, { notification, storedVersion, onStored })
    this.#onKept(notification)
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
      const current = this.#kept.get(known.id)?.notification ?? stored
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
    const kept = this.#kept.get(next.id)
    if (kept !== undefined) {
      if (kept.notification !== current) return kept.notification
      this.#kept.set(next.id, { ...kept, notification: next })
      return undefined
    }
    try {
      if (await this.store.replace(next, current.version)) return undefined
      // One that outlived its time is gone, and needs no record any more.
      return await this.store.find(next.id)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      this.#keep(next, current.version)
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
    return this.#kept.get(id)?.notification ?? (await this.store.find(id))
  }

  async findByProviderId(provider: ProviderName, providerId: string): Promise<Notification | undefined> {
    for (const { notification } of this.#kept.values()) {
      const isIt = notification.attempts.some(
        (attempt) => attempt.provider === provider && attempt.providerId === providerId,
      )
      if (isIt) return notification
    }
    return await this.store.findByProviderId(provider, providerId)
  }

  /** One of those that are kept and due, for the claimer alone. */
  claimKept({ priority, nowMs, leaseUntilMs, lease }: Claim): Notification | undefined {
    for (const [id, kept] of this.#kept) {
      const { notification } = kept
      const isDue = notification.dueMs !== undefined && notification.dueMs <= nowMs
      if (!isDue || notification.priority !== priority) continue
      const claimed = { ...notification, dueMs: leaseUntilMs, lease, version: notification.version + 1 }
      this.#kept.set(id, { ...kept, notification: claimed })
      return claimed
    }
    return undefined
  }

  /** Brings to MongoDB what it could not take before; ends at the first that it still cannot. */
  async storeKept(): Promise<void> {
    // Newest first: the messages of a group before the group, whose queued message is released with it.
    for (const id of [...this.#kept.keys()].reverse()) {
      const kept = this.#kept.get(id)
      if (kept === undefined) continue
      let storedVersion: number
      try {
        storedVersion = await this.#store(kept)
      } catch (error) {
        if (isUnavailable(error)) return
        throw error
      }
      const latest = this.#kept.get(id)?.notification ?? kept.notification
      // Changed meanwhile: it stays until the change is stored too.
      if (latest !== kept.notification) {
        this.#kept.set(id, {
          ...kept,
          notification: { ...latest, version: Math.max(latest.version, storedVersion + 1) },
          storedVersion,
        })
        continue
      }
      this.#kept.delete(id)
      kept.onStored()
    }
  }

  /** The version that MongoDB has then. */
  async #store({ notification, storedVersion }: Kept): Promise<number> {
    const isStored =
      storedVersion === 0
        ? (await this.store.insert(notification)) === 'created'
        : await this.store.replace(notification, storedVersion)
    if (isStored) return notification.version
    // Another process had the same message, or a write went through whose answer was lost.
    for (;;) {
      const other = await this.store.find(notification.id)
      if (other === undefined) return notification.version
      if (other.version === notification.version && other.lease === notification.lease) return other.version
      const merged = mergeRecords(other, notification)
      const dueMs = isOpen(merged) ? (other.dueMs ?? this.#nowMs()) : merged.dueMs
      const version = other.version + 1
      if (await this.store.replace({ ...merged, dueMs, version }, other.version)) return version
    }
  }
}
