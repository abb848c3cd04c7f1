/**
 * Hands a position to those who follow its trip on this pod.
 *
 * The guard is here, whatever a position came by: what a follower gets of one
 * person rises, so a repeat, or a position that another pod overtook, stops.
 */
import type { Fix } from './fix.ts'
import type { EncodedFix } from './lane-codec.ts'
import type { Follower, Person, Trip } from './trip-state.ts'

export type OnMoved = (person: Person) => void

/** True where it was news to this pod. */
export function deliver(person: Person, fix: Fix, encoded: EncodedFix, onMoved: OnMoved): boolean {
  if (fix.timestampMs <= person.deliveredMs) return false
  person.deliveredMs = fix.timestampMs
  const { trip } = person
  for (const follower of trip.followers) follower.deliver(person, encoded)
  for (const watcher of trip.watchers) watcher.take(fix)
  onMoved(person)
  return true
}

export function follow(trip: Trip, follower: Follower): void {
  if (!trip.followers.includes(follower)) trip.followers.push(follower)
}

export function unfollow(trip: Trip, follower: Follower): void {
  const index = trip.followers.indexOf(follower)
  if (index >= 0) trip.followers.splice(index, 1)
}

/** Tells all followers that the trip is over, and lets them go. */
export function endTrip(trip: Trip): void {
  for (const follower of trip.followers.splice(0)) follower.tripEnded(trip)
  for (const watcher of trip.watchers) watcher.tripEnded()
  trip.watchers.clear()
}
