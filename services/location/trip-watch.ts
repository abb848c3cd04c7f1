/** One WatchTrip stream: a snapshot, then positions, collapsing to the newest for a reader that is slow. */
import type { WatchTripResponse } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Feed } from './feed.ts'
import type { Fix } from './fix.ts'
import type { SnapshotReader } from './snapshot.ts'
import type { Trip, Watcher } from './trip-state.ts'

/** Positions that wait; past it only the newest of each person waits. */
const WAITING_MAX = 256

class TripWatcher implements Watcher {
  isEnded = false
  #waiting: Fix[] = []
  #wake: (() => void) | undefined

  take(fix: Fix): void {
    this.#waiting.push(fix)
    if (this.#waiting.length > WAITING_MAX) {
      // Times of one person rise, so the last is the newest.
      this.#waiting = [...new Map(this.#waiting.map((held) => [held.userId, held])).values()]
    }
    this.#wake?.()
  }

  tripEnded(): void {
    this.isEnded = true
    this.#wake?.()
  }

  /** Empty only where the trip has ended or the signal aborted. */
  async next(signal: AbortSignal): Promise<Fix[]> {
    if (this.#waiting.length === 0 && !this.isEnded && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const wake = (): void => resolve()
      this.#wake = wake
      signal.addEventListener('abort', wake)
      await promise
      signal.removeEventListener('abort', wake)
      this.#wake = undefined
    }
    const taken = this.#waiting
    this.#waiting = []
    return taken
  }
}

export interface TripWatchOptions {
  readonly feed: Feed
  readonly snapshots: SnapshotReader
}

/** The caller has checked the rights, and that the trip is not over. */
export async function* watchTrip(
  trip: Trip,
  sinceMs: number,
  signal: AbortSignal,
  { feed, snapshots }: TripWatchOptions,
): AsyncGenerator<WatchTripResponse> {
  const watcher = new TripWatcher()
  const ready = feed.listen(trip.partition)
  // Before the snapshot is read: what comes meanwhile waits in the watcher.
  trip.watchers.add(watcher)
  try {
    await ready
    const { latest, missed, isComplete } = await snapshots.read(trip, sinceMs)
    const sentMs = new Map<string, number>()
    const rising = (fixes: readonly Fix[]): Fix[] =>
      fixes.filter((fix) => {
        if (fix.timestampMs <= (sentMs.get(fix.userId) ?? 0)) return false
        sentMs.set(fix.userId, fix.timestampMs)
        return true
      })
    const isNews = latest !== undefined && latest.timestampMs > sinceMs
    const snapshot = sinceMs > 0 ? missed : []
    yield { updates: rising(isNews ? [...snapshot, latest] : snapshot), caughtUp: true, complete: isComplete }
    while (true) {
      const taken = await watcher.next(signal)
      // An orderly end would tell the reader that the trip is over.
      signal.throwIfAborted()
      const updates = rising(taken)
      if (updates.length > 0) yield { updates, caughtUp: false, complete: false }
      if (taken.length === 0) return
    }
  } finally {
    trip.watchers.delete(watcher)
    feed.unlisten(trip.partition)
  }
}
