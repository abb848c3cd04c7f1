/** The hot path of one pod without servers: reports in, ticks by hand, and what followers get. */

import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { ErrorReason } from '@hushryd/kernel/error.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { type Batch, Settlements } from '../batch.ts'
import { createLocationEvents } from '../events.ts'
import type { Fix } from '../fix.ts'
import { type Flusher, startFlusher } from '../flush.ts'
import { follow } from '../followers.ts'
import { createForeignFixes } from '../foreign-fixes.ts'
import { Intake, Kind } from '../intake.ts'
import { decodePosition, type EncodedFix } from '../lane-codec.ts'
import type { BackfillWrite, LiveStore, LiveWrite, Written } from '../live-store.ts'
import { TripIndex } from '../trip-index.ts'
import type { Follower, Person, Trip } from '../trip-state.ts'
import { Trips } from '../trips.ts'

export const NOW = 1_700_000_000_000
export const RULE = { speedMaxMps: 70, reanchorAfter: 10 }
/** Ticks come from the test alone. */
const NEVER_MS = 2 ** 30

/** Redis as the scripts make it: for all pods together, and now and then away. */
export class MemoryStore implements LiveStore {
  readonly latest = new Map<string, number>()
  /** What was ever taken for the latest, in its order. */
  readonly stored: number[] = []
  isAway = false

  async write(live: readonly LiveWrite[], backfill: readonly BackfillWrite[]): Promise<Written> {
    if (this.isAway) return { live: [], backfill: [] }
    return {
      live: live.map(({ person, encoded }) => this.#take(person, encoded.timestampMs)),
      backfill: backfill.map(({ person, trail, isNewest }) => {
        const last = trail.at(-1)
        return isNewest && last !== undefined && this.#take(person, last.fix.timestampMs)
      }),
    }
  }

  #take({ trip, userId }: Person, timestampMs: number): boolean {
    const name = `${trip.tripId} ${userId}`
    if (timestampMs <= (this.latest.get(name) ?? 0)) return false
    this.latest.set(name, timestampMs)
    this.stored.push(timestampMs)
    return true
  }
}

/** An edge's lane that remembers what it got. */
export class MemoryFollower implements Follower {
  readonly fixes: Fix[] = []
  hasEnded = false

  deliver(_person: Person, { buffer, positionStart, end }: EncodedFix): void {
    this.fixes.push(decodePosition(buffer.subarray(positionStart, end)))
  }

  tripEnded(): void {
    this.hasEnded = true
  }
}

export class MemoryPod implements AsyncDisposable {
  readonly clock = new FakeClock(NOW)
  readonly trips: Trips
  readonly follower = new MemoryFollower()
  /** What it told the other pods, and they have not taken yet. */
  readonly told: Uint8Array[] = []
  readonly refused: ErrorReason[] = []
  settled = 0
  readonly takeForeign: (data: Uint8Array) => void
  readonly #intake: Intake
  readonly #flusher: Flusher
  readonly #settlements = new Settlements()

  constructor(store: LiveStore, driverOf: (tripId: string) => string = () => 'driver') {
    const { clock } = this
    const { log } = createMemoryLog()
    const events = createLocationEvents(log, createMetrics('test'))
    this.trips = new Trips({
      findTrip: async (tripId) => ({
        tripId,
        driverId: driverOf(tripId),
        passengerIds: [],
        status: TripStatus.ACTIVE,
        version: 1,
      }),
      findLatest: async () => [],
      onEnded: () => undefined,
      clock,
      partitions: 16,
      lookupTimeoutMs: 1000,
    })
    this.#intake = new Intake({ trips: this.trips, rule: RULE, events })
    this.#flusher = startFlusher({
      windowMs: NEVER_MS,
      intake: this.#intake,
      store,
      index: new TripIndex(clock),
      publish: async (_partition, messages) => void this.told.push(...messages),
      settlements: this.#settlements,
      rule: RULE,
      events,
      log,
      onMoved: () => undefined,
      onStored: () => undefined,
      onDelivered: () => undefined,
    })
    this.takeForeign = createForeignFixes({
      trips: this.trips,
      isFleetWatched: () => false,
      onMoved: () => undefined,
      onDelivered: () => undefined,
      events,
      clock,
    })
  }

  async follow(tripId: string): Promise<Trip> {
    const trip = await this.trips.get(tripId)
    follow(trip, this.follower)
    return trip
  }

  report(reports: readonly Report[], kind: Kind = Kind.LIVE): void {
    const batch: Batch = { open: 0, flush: 0, settle: () => void this.settled++ }
    const sink = {
      refuse: (_report: Report, _index: number, reason: ErrorReason) => void this.refused.push(reason),
    }
    const source = { kind, batch, sink, nowMs: this.clock.nowMs(), reporter: 'driver' } as const
    reports.forEach((report, index) => {
      this.#intake.take(source, report, index)
    })
    this.#settlements.add(batch)
  }

  async tick(): Promise<void> {
    await this.#flusher.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flusher[Symbol.asyncDispose]()
  }
}

export function reportAt(timestampMs: number, tripId = 'trip', userId = 'driver'): Report {
  const position = { userId, lat: 17, lng: 78, accuracy: 1, speed: 2, heading: 3, timestampMs }
  return { tripId, position, connection: 1, receivedMs: 0, frameId: '' }
}
