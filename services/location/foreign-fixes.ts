/** Positions that other pods have stored, on their way to this pod's followers. */
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { LocationEvents } from './events.ts'
import { deliver, type OnMoved } from './followers.ts'
import { type ForeignEntry, readEntries } from './lane-codec.ts'
import { hasFollowers, personOn, takeOver } from './trip-state.ts'
import type { Trips } from './trips.ts'

export interface ForeignFixesOptions {
  readonly trips: Trips
  readonly isFleetWatched: () => boolean
  readonly onMoved: OnMoved
  /** Lanes with news may send. */
  readonly onDelivered: () => void
  readonly events: LocationEvents
  readonly clock: Clock
}

/** Takes one message of a partition's subject. */
export function createForeignFixes(options: ForeignFixesOptions): (data: Uint8Array) => void {
  const { trips, isFleetWatched, onMoved, onDelivered, events, clock } = options

  function isWanted(tripId: string): boolean {
    if (isFleetWatched()) return true
    const trip = trips.find(tripId)
    return trip !== undefined && hasFollowers(trip)
  }

  function take({ tripId, position, encoded }: ForeignEntry): void {
    const trip = trips.find(tripId) ?? trips.admit(tripId)
    if (trip === undefined || trip.isOver) return
    trip.usedMs = clock.nowMs()
    const person = personOn(trip, position.userId)
    takeOver(person, position)
    deliver(person, position, encoded, onMoved)
  }

  return (data) => {
    try {
      readEntries(data, isWanted, take)
    } catch (error) {
      // The subject is open to all of HushRyd's processes, so what cannot be read is counted and not a fault of this pod.
      if (!(error instanceof RangeError)) throw error
      events.foreignUnreadable()
    }
    onDelivered()
  }
}
