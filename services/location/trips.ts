/**
 * The trips that this pod deals with, and what the directory says of them.
 *
 * What is known goes on being used while the directory is away; what is not
 * yet known is looked up once, however many ask. A change reaches the cache by
 * an invalidation, and where that was missed by asking again each minute.
 */
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Fix, readTripId } from './fix.ts'
import {
  hasFollowers,
  Knowledge,
  newTrip,
  personOn,
  type Trip,
  type TripRecord,
  takeOver,
} from './trip-state.ts'

/** The directory's answer; undefined where there is no such trip. Throws DomainError. */
export type FindTrip = (tripId: string, options: { timeoutMs: number }) => Promise<TripRecord | undefined>
/** The newest known fix of each person; empty where the store is away. */
export type FindLatest = (tripId: string) => Promise<readonly Fix[]>

export interface TripsOptions {
  readonly findTrip: FindTrip
  readonly findLatest: FindLatest
  readonly onEnded: (trip: Trip) => void
  readonly clock: Clock
  readonly partitions: number
  readonly lookupTimeoutMs: number
  readonly random?: () => number
}

/** The directory answers some thousands a second; more at once only wait there. */
const LOOKUPS_MAX = 128
const LOOKUPS_WAITING_MAX = 20_000
/** Trips in memory: above the fleet's 100,000 people. */
const TRIPS_MAX = 200_000
const REFRESH_MS = 60_000
/** An id that nobody knows is not asked for again at once. */
const MISSING_MS = 2_000
/** After an outage of NATS, followed trips are asked for again within this, as far as a sweep's bound allows. */
const MISSED_MS = 2_000
/** After a refresh that failed. */
const RETRY_MS = 3_000
const IDLE_MS = 600_000

export function isActive(status: TripStatus): boolean {
  return status === TripStatus.ACTIVE
}

export function isOver(status: TripStatus): boolean {
  return status === TripStatus.COMPLETED || status === TripStatus.CANCELLED
}

/** Known by other pods' positions alone. */
function isForeign(trip: Trip): boolean {
  return trip.knowledge === Knowledge.NONE && !hasFollowers(trip) && trip.waiting === 0
}

export class Trips {
  readonly #options: TripsOptions
  readonly #trips = new Map<string, Trip>()
  readonly #queue: (() => void)[] = []
  #lookups = 0

  constructor(options: TripsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#trips.size
  }

  all(): Iterable<Trip> {
    return this.#trips.values()
  }

  find(tripId: string): Trip | undefined {
    return this.#trips.get(tripId)
  }

  /** Undefined where the id cannot be a trip's, or memory is full. */
  admit(tripId: string): Trip | undefined {
    const found = this.#trips.get(tripId)
    if (found !== undefined) return found
    const id = readTripId(tripId)
    if (id === undefined || this.#trips.size >= TRIPS_MAX) return undefined
    const trip = newTrip(id, this.#options.partitions, this.#options.clock.nowMs())
    this.#trips.set(id, trip)
    return trip
  }

  /** A trip with its record. Throws TRIP_NOT_FOUND, or UNAVAILABLE where the directory cannot say. */
  async get(tripId: string): Promise<Trip & { readonly record: TripRecord }> {
    const trip = this.admit(tripId)
    if (trip === undefined) throw tripNotFound(tripId)
    if (trip.knowledge !== Knowledge.KNOWN) await this.load(trip)
    const { record } = trip
    if (record === undefined) throw tripNotFound(tripId)
    trip.usedMs = this.#options.clock.nowMs()
    return Object.assign(trip, { record })
  }

  /** Looks a trip up unless that is under way. Afterwards it is KNOWN or MISSING; throws where it could not be. */
  load(trip: Trip): Promise<void> {
    if (trip.knowledge === Knowledge.KNOWN) return Promise.resolve()
    if (trip.knowledge === Knowledge.MISSING && trip.refreshAtMs > this.#options.clock.nowMs()) {
      return Promise.resolve()
    }
    trip.loading ??= this.#lookUp(trip).finally(() => {
      trip.loading = undefined
    })
    return trip.loading
  }

  /** Asks again. While the directory is away the old answer stays. */
  refresh(trip: Trip): void {
    if (trip.loading !== undefined) return
    trip.refreshAtMs = this.#options.clock.nowMs() + REFRESH_MS
    trip.loading = this.#lookUp(trip).finally(() => {
      trip.loading = undefined
    })
    // What is cached stays in use.
    trip.loading.catch(() => {
      trip.refreshAtMs = this.#options.clock.nowMs() + RETRY_MS
    })
  }

  /** The directory's record has changed. */
  invalidate(tripId: string): void {
    const trip = this.#trips.get(tripId)
    if (trip === undefined) return
    if (trip.loading === undefined) this.refresh(trip)
    // The answer under way may be from before the change.
    else void trip.loading.catch(() => undefined).then(() => this.refresh(trip))
  }

  /** Told that the trip is over, ahead of the record. */
  end(tripId: string): void {
    const trip = this.#trips.get(tripId)
    if (trip === undefined) return
    const { record } = trip
    if (record !== undefined && !isOver(record.status))
      trip.record = { ...record, status: TripStatus.COMPLETED }
    this.#close(trip)
    this.invalidate(tripId)
  }

  /** Invalidations may have been missed: everything is asked again, what is followed first. */
  expireAll(): void {
    const now = this.#options.clock.nowMs()
    for (const trip of this.#trips.values()) {
      if (isForeign(trip)) this.#trips.delete(trip.tripId)
      else trip.refreshAtMs = now + this.#random() * (hasFollowers(trip) ? MISSED_MS : REFRESH_MS / 2)
    }
  }

  /** Asks again for what is old, forgets what nobody uses. */
  sweep(refreshesMax: number): void {
    const now = this.#options.clock.nowMs()
    let refreshes = 0
    for (const trip of this.#trips.values()) {
      const isFollowed = hasFollowers(trip)
      // Followed again while the directory was away: nothing is known of it yet.
      const isDue = trip.knowledge === Knowledge.KNOWN || (isFollowed && trip.knowledge === Knowledge.NONE)
      if (
        !isFollowed &&
        trip.waiting === 0 &&
        trip.loading === undefined &&
        now - trip.usedMs > this.#idleMs(trip)
      ) {
        this.#trips.delete(trip.tripId)
      } else if (isDue && trip.refreshAtMs <= now && refreshes < refreshesMax) {
        refreshes++
        this.refresh(trip)
      }
    }
  }

  #idleMs(trip: Trip): number {
    return trip.knowledge === Knowledge.MISSING ? MISSING_MS : IDLE_MS
  }

  async #lookUp(trip: Trip): Promise<void> {
    const isNew = trip.knowledge !== Knowledge.KNOWN
    if (isNew) trip.knowledge = Knowledge.LOADING
    const { findTrip, findLatest, lookupTimeoutMs, clock } = this.#options
    const dueMs = clock.nowMs() + lookupTimeoutMs
    try {
      await this.#enter()
      try {
        if (clock.nowMs() > dueMs)
          throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'the directory is too slow')
        const [record, fixes] = await Promise.all([
          findTrip(trip.tripId, { timeoutMs: lookupTimeoutMs }),
          isNew ? findLatest(trip.tripId) : [],
        ])
        for (const fix of fixes) takeOver(personOn(trip, fix.userId), fix)
        this.#apply(trip, record)
      } finally {
        this.#leave()
      }
    } catch (error) {
      if (trip.knowledge === Knowledge.LOADING) trip.knowledge = Knowledge.NONE
      throw error
    }
  }

  #apply(trip: Trip, record: TripRecord | undefined): void {
    const now = this.#options.clock.nowMs()
    if (record === undefined) {
      trip.knowledge = Knowledge.MISSING
      trip.record = undefined
      trip.refreshAtMs = now + MISSING_MS
      return
    }
    trip.knowledge = Knowledge.KNOWN
    // A quarter of jitter keeps trips that came together from being asked for together.
    trip.refreshAtMs = now + REFRESH_MS * (0.75 + this.#random() / 4)
    // An answer that was overtaken by a newer one says nothing.
    if (trip.record !== undefined && record.version < trip.record.version) return
    // What has ended stays so, also where an answer from before the end comes late.
    const isOld = trip.isOver && !isOver(record.status)
    trip.record = isOld ? { ...record, status: TripStatus.COMPLETED } : record
    trip.driver = personOn(trip, record.driverId)
    if (isOver(record.status)) this.#close(trip)
  }

  #close(trip: Trip): void {
    if (trip.isOver) return
    trip.isOver = true
    this.#options.onEnded(trip)
  }

  async #enter(): Promise<void> {
    if (this.#lookups < LOOKUPS_MAX) {
      this.#lookups++
      return
    }
    if (this.#queue.length >= LOOKUPS_WAITING_MAX) {
      throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'too many trips are being looked up')
    }
    await new Promise<void>((resolve) => this.#queue.push(resolve))
  }

  /** Hands the place on to the next in the queue. */
  #leave(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#lookups--
    else next()
  }

  #random(): number {
    return (this.#options.random ?? Math.random)()
  }
}

function tripNotFound(tripId: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'there is no such trip', {
    metadata: { tripId: tripId.slice(0, 64) },
  })
}
