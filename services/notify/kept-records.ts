/**
 * Records that MongoDB could not take, until it can. Sending goes on from them
 * meanwhile, and what they came from is held back: a message in the queue, or
 * the group as MongoDB has it.
 */
import type { Notification } from './notification.ts'
import type { ProviderName } from './provider.ts'
import { type Claim, isUnavailable, type RecordStore } from './record-store.ts'
import { mergeRecords } from './transitions.ts'

interface Kept {
  readonly notification: Notification
  /** What MongoDB has; 0 for nothing. */
  readonly storedVersion: number
  readonly onStored: () => void
}

export interface KeptRecordsOptions {
  readonly store: RecordStore
  readonly onKept: (notification: Notification) => void
  readonly onStored: (id: string) => void
  readonly nowMs: () => number
}

/** Writes at once: thousands of records are stored within seconds, beside the work that goes on. */
const WRITES_MAX = 32

const nothing = (): void => undefined

export class KeptRecords {
  readonly #options: KeptRecordsOptions
  readonly #kept = new Map<string, Kept>()

  constructor(options: KeptRecordsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#kept.size
  }

  has(id: string): boolean {
    return this.#kept.has(id)
  }

  find(id: string): Notification | undefined {
    return this.#kept.get(id)?.notification
  }

  findByProviderId(provider: ProviderName, providerId: string): Notification | undefined {
    for (const { notification } of this.#kept.values()) {
      const isIt = notification.attempts.some(
        (attempt) => attempt.provider === provider && attempt.providerId === providerId,
      )
      if (isIt) return notification
    }
    return undefined
  }

  add(notification: Notification, storedVersion: number, onStored: () => void = nothing): void {
    this.#kept.set(notification.id, { notification, storedVersion, onStored })
    this.#options.onKept(notification)
  }

  /** False where somebody else has changed it since. */
  replace(next: Notification, current: Notification): boolean {
    const kept = this.#kept.get(next.id)
    if (kept?.notification !== current) return false
    this.#kept.set(next.id, { ...kept, notification: next })
    return true
  }

  /** One that is due, for the claimer alone. */
  claimDue({ priority, nowMs, leaseUntilMs, lease }: Claim): Notification | undefined {
    for (const { notification } of this.#kept.values()) {
      const isDue = notification.dueMs !== undefined && notification.dueMs <= nowMs
      if (!isDue || notification.priority !== priority) continue
      const claimed = { ...notification, dueMs: leaseUntilMs, lease, version: notification.version + 1 }
      this.replace(claimed, notification)
      return claimed
    }
    return undefined
  }

  /**
   * A group is not on record as split while one of its messages is here only:
   * a crash would leave nobody who knows of it.
   */
  isSplitEarly({ childIds }: Notification): boolean {
    return childIds.some((id) => this.#kept.has(id))
  }

  /** Brings them to MongoDB; ends where it is away. */
  async storeAll(): Promise<void> {
    const ids = [...this.#kept.keys()]
    const faults: unknown[] = []
    for (let start = 0; start < ids.length; start += WRITES_MAX) {
      const writes = ids.slice(start, start + WRITES_MAX).map((id) => this.#storeOne(id))
      for (const write of await Promise.allSettled(writes)) {
        if (write.status === 'fulfilled') continue
        if (isUnavailable(write.reason)) return
        faults.push(write.reason)
      }
    }
    // One that MongoDB refuses keeps none of the others out.
    const [fault] = faults
    if (fault !== undefined) throw fault
  }

  async #storeOne(id: string): Promise<void> {
    const { onStored, nowMs } = this.#options
    const kept = this.#kept.get(id)
    if (kept === undefined || this.isSplitEarly(kept.notification)) return
    const stored = await this.#write(kept)
    const latest = this.#kept.get(id) ?? kept
    if (latest.notification === kept.notification) {
      this.#kept.delete(id)
      onStored(id)
      kept.onStored()
      return
    }
    // Changed meanwhile: it stays until the change is stored too.
    const isAsKept = stored === kept.notification
    this.#kept.set(id, {
      ...latest,
      notification: isAsKept ? latest.notification : mergeRecords(stored, latest.notification, nowMs()),
      storedVersion: stored.version,
    })
  }

  /** Answers what MongoDB has then. */
  async #write({ notification, storedVersion }: Kept): Promise<Notification> {
    const { store, nowMs } = this.#options
    const isStored =
      storedVersion === 0
        ? (await store.insert(notification)) === 'created'
        : await store.replace(notification, storedVersion)
    if (isStored) return notification
    // Another process had it too, or a write went through whose answer was lost.
    for (;;) {
      const other = await store.find(notification.id)
      if (other === undefined) {
        if ((await store.insert(notification)) === 'created') return notification
        continue
      }
      const merged = mergeRecords(other, notification, nowMs())
      if (await store.replace(merged, other.version)) return merged
    }
  }
}
