/**
 * WatchFleet: who moved inside of a box, ten times a second.
 *
 * While anyone watches, this pod listens to all partitions and remembers every
 * trip that moves. One tick serves all watchers; each holds the newest of a
 * trip, so that a slow reader misses steps and never the last one.
 */
import type { Vehicle, WatchFleetResponse } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Box, geoBoxes, isInside } from './box.ts'
import type { Feed } from './feed.ts'
import type { Fix } from './fix.ts'
import type { LiveReader } from './live-reader.ts'
import { newest, newestOf, type Trip } from './trip-state.ts'
import type { Trips } from './trips.ts'

const FLEET_TICK_MS = 100
const VEHICLES_MAX = 20_000
/** Vehicles in one message: below gRPC's limit of 4 MiB by far. */
const MESSAGE_VEHICLES_MAX = 2_000

class FleetWatcher {
  readonly box: Box
  readonly #vehiclesMax: number
  /** What the client shows. */
  readonly #inside = new Set<string>()
  readonly #changed = new Map<string, Fix | undefined>()
  #isStale = false
  #wake: (() => void) | undefined

  constructor(box: Box, vehiclesMax: number) {
    this.box = box
    this.#vehiclesMax = vehiclesMax
  }

  see(tripId: string, fix: Fix): void {
    if (!isInside(this.box, fix.lat, fix.lng)) {
      this.lose(tripId)
      return
    }
    if (!this.#inside.has(tripId)) {
      if (this.#inside.size >= this.#vehiclesMax) return
      this.#inside.add(tripId)
    }
    this.#changed.set(tripId, fix)
  }

  lose(tripId: string): void {
    if (this.#inside.delete(tripId)) this.#changed.set(tripId, undefined)
  }

  wake(): void {
    if (this.#changed.size > 0) this.#wake?.()
  }

  take(): { vehicles: Vehicle[]; removed: string[] } {
    const vehicles: Vehicle[] = []
    const removed: string[] = []
    for (const [tripId, position] of this.#changed) {
      if (position === undefined) removed.push(tripId)
      else vehicles.push({ tripId, position })
    }
    this.#changed.clear()
    return { vehicles, removed }
  }

  /** Changes were missed: the reader has to begin again. */
  fail(): void {
    this.#isStale = true
    this.#wake?.()
  }

  /** Throws UNAVAILABLE where changes were missed. */
  async changes(signal: AbortSignal): Promise<void> {
    await this.#awaitChanges(signal)
    if (this.#isStale) {
      throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'changes were missed; watch again')
    }
  }

  async #awaitChanges(signal: AbortSignal): Promise<void> {
    if (this.#changed.size > 0 || this.#isStale || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#wake = wake
    signal.addEventListener('abort', wake)
    await promise
    signal.removeEventListener('abort', wake)
    this.#wake = undefined
  }
}

export interface FleetWatch extends Disposable {
  readonly isWatched: boolean
  moved(trip: Trip): void
  ended(tripId: string): void
  /** NATS was away: which trips moved or ended meanwhile is not known here. */
  restart(): void
  watch(box: Box, vehiclesMax: number, signal: AbortSignal): AsyncGenerator<WatchFleetResponse>
}

export interface FleetWatchOptions {
  readonly trips: Trips
  readonly reader: LiveReader
  readonly feed: Feed
  readonly partitions: number
}

export function createFleetWatch({ trips, reader, feed, partitions }: FleetWatchOptions): FleetWatch {
  const watchers = new Set<FleetWatcher>()
  let moved = new Set<Trip>()

  function tick(): void {
    if (watchers.size === 0) return
    const trips = moved
    moved = new Set()
    for (const trip of trips) {
      const fix = trip.isOver ? undefined : newestOf(trip)
      if (fix === undefined) continue
      for (const watcher of watchers) watcher.see(trip.tripId, fix)
    }
    for (const watcher of watchers) watcher.wake()
  }
  const timer = setInterval(tick, FLEET_TICK_MS)

  async function findIndexed(box: Box): Promise<Set<string>> {
    const boxes = geoBoxes(box)
    const found =
      boxes === undefined
        ? [await reader.scanIndex(VEHICLES_MAX * 5)]
        : await Promise.all(boxes.map((each) => reader.findInBox(each, VEHICLES_MAX)))
    return new Set(found.flat())
  }

  /** This pod's memory first: it is the newest there is of trips that it has seen. */
  async function fill(watcher: FleetWatcher): Promise<void> {
    for (const trip of trips.all()) {
      const fix = trip.isOver ? undefined : newestOf(trip)
      if (fix !== undefined) watcher.see(trip.tripId, fix)
    }
    // While Redis is away a map begins with what this pod has seen, and fills as vehicles move.
    const indexed = await findIndexed(watcher.box).catch(() => new Set<string>())
    const unseen = [...indexed].filter((tripId) => {
      const trip = trips.find(tripId)
      return trip === undefined || (!trip.isOver && newestOf(trip) === undefined)
    })
    await Promise.all(
      unseen.map(async (tripId) => {
        const fixes = await reader.findLatest(tripId).catch(() => [])
        const trip = trips.find(tripId)
        // Seen meanwhile, and so in the watcher's own list with something newer.
        if (trip !== undefined && (trip.isOver || newestOf(trip) !== undefined)) return
        const fix = newest(fixes)
        if (fix !== undefined) watcher.see(tripId, fix)
      }),
    )
  }

  return {
    get isWatched() {
      return watchers.size > 0
    },
    moved(trip) {
      if (watchers.size > 0) moved.add(trip)
    },
    ended(tripId) {
      for (const watcher of watchers) watcher.lose(tripId)
    },
    restart() {
      for (const watcher of watchers) watcher.fail()
    },
    async *watch(box, vehiclesMax, signal) {
      const watcher = new FleetWatcher(box, vehiclesMax === 0 ? VEHICLES_MAX : vehiclesMax)
      const ready = Array.from({ length: partitions }, (_, partition) => feed.listen(partition))
      watchers.add(watcher)
      try {
        await Promise.all(ready)
        await fill(watcher)
        const first = watcher.take()
        for (let at = 0; at < first.vehicles.length; at += MESSAGE_VEHICLES_MAX) {
          const vehicles = first.vehicles.slice(at, at + MESSAGE_VEHICLES_MAX)
          yield { vehicles, removedTripIds: [], caughtUp: false }
        }
        yield { vehicles: [], removedTripIds: first.removed, caughtUp: true }
        while (true) {
          await watcher.changes(signal)
          signal.throwIfAborted()
          const { vehicles, removed } = watcher.take()
          if (vehicles.length + removed.length > 0)
            yield { vehicles, removedTripIds: removed, caughtUp: false }
        }
      } finally {
        watchers.delete(watcher)
        for (let partition = 0; partition < partitions; partition++) feed.unlisten(partition)
      }
    },
    [Symbol.dispose]() {
      clearInterval(timer)
    },
  }
}
