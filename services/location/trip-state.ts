/** What a pod keeps in memory of one trip, found by one map lookup a report. */

import type { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { partitionOf } from '@hushryd/kernel/partition.ts'
import { anchor, emptyTrack, type Fix, type Track, type TripId } from './fix.ts'
import type { EncodedFix } from './lane-codec.ts'
import type { WindowSlot } from './window.ts'

/** Who a trip's people are, as the directory tells. */
export interface TripRecord {
  readonly tripId: string
  readonly driverId: string
  readonly passengerIds: readonly string[]
  readonly status: TripStatus
  /** Rises with each change. */
  readonly version: number
}

export const Knowledge = {
  /** Seen only in another pod's positions. */
  NONE: 0,
  LOADING: 1,
  KNOWN: 2,
  /** The directory has no such trip. */
  MISSING: 3,
} as const
export type Knowledge = (typeof Knowledge)[keyof typeof Knowledge]

/** One person on one trip: in nearly all cases its driver. */
export interface Person extends WindowSlot<Fix> {
  readonly trip: Trip
  readonly userId: string
  readonly track: Track
  pending: Fix | undefined
  /** Positions sent again, waiting for the flush, in any order. */
  backfill: Fix[]
  /** The newest that this pod knows of, its own or another pod's. */
  latest: Fix | undefined
  /** The newest that went to this pod's followers: what they get rises. */
  deliveredMs: number
  /** The unchanging front of the person's Redis command. */
  command: Buffer | undefined
  /** When the keys' expiry was last set. */
  expirySetMs: number
}

/** An edge's lane, as delivery sees it. */
export interface Follower {
  deliver(person: Person, encoded: EncodedFix): void
  tripEnded(trip: Trip): void
}

/** A WatchTrip stream, as delivery sees it. */
export interface Watcher {
  take(fix: Fix): void
  tripEnded(): void
}

export interface Trip {
  readonly tripId: TripId
  readonly partition: number
  knowledge: Knowledge
  record: TripRecord | undefined
  /** Its end was told to its followers. */
  isOver: boolean
  /** The person of record.driverId. */
  driver: Person | undefined
  readonly people: Person[]
  readonly followers: Follower[]
  readonly watchers: Set<Watcher>
  /** One lookup at a time. */
  loading: Promise<void> | undefined
  /** Reports that wait for the lookup, counted against a bound. */
  waiting: number
  /** When to ask the directory again. */
  refreshAtMs: number
  usedMs: number
  /** When its place in the geo index and the activity set was last renewed. */
  touchedMs: number
  /** When the driver was last heard of, by our clock. */
  heardMs: number
}

export function newTrip(tripId: TripId, partitions: number, nowMs: number): Trip {
  return {
    tripId,
    partition: partitionOf(tripId, partitions),
    knowledge: Knowledge.NONE,
    record: undefined,
    isOver: false,
    driver: undefined,
    people: [],
    followers: [],
    watchers: new Set(),
    loading: undefined,
    waiting: 0,
    refreshAtMs: 0,
    usedMs: nowMs,
    touchedMs: 0,
    heardMs: 0,
  }
}

export function hasFollowers({ followers, watchers }: Trip): boolean {
  return followers.length > 0 || watchers.size > 0
}

/** Drivers change rarely and nobody else reports: the list is as good as always one long. */
export function personOn(trip: Trip, userId: string): Person {
  for (const person of trip.people) if (person.userId === userId) return person
  const person: Person = {
    trip,
    userId,
    track: emptyTrack(),
    pending: undefined,
    backfill: [],
    latest: undefined,
    deliveredMs: 0,
    command: undefined,
    expirySetMs: 0,
  }
  trip.people.push(person)
  return person
}

/** A fix that another pod has judged and stored: the speed rule goes on from there. */
export function takeOver(person: Person, fix: Fix): void {
  if (fix.timestampMs > (person.latest?.timestampMs ?? 0)) person.latest = fix
  if (fix.timestampMs > person.track.goodMs) anchor(person.track, fix)
}

export function newest(fixes: Iterable<Fix | undefined>): Fix | undefined {
  let found: Fix | undefined
  for (const fix of fixes) if (fix !== undefined && fix.timestampMs > (found?.timestampMs ?? 0)) found = fix
  return found
}

/** The newest of all people on the trip that this pod knows of. */
export function newestOf(trip: Trip): Fix | undefined {
  return newest(trip.people.map(({ latest }) => latest))
}
