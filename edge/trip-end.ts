/** The event that says how a trip ended, for edges that missed the one of the directory. Pure. */
import { type GetTripResponse, TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'

type EndEvent = Pick<PushEvent, 'type' | 'tripId' | 'data' | 'userIds' | 'tripEnded'>

/** Without the trip, where the directory does not answer, all that is known is that it is over. */
export function endEventOf(tripId: string, trip: GetTripResponse | undefined): EndEvent {
  const type =
    trip?.status === TripStatus.COMPLETED
      ? 'trip.completed'
      : trip?.status === TripStatus.CANCELLED
        ? 'trip.cancelled'
        : 'trip.ended'
  return { type, tripId, data: undefined, userIds: [], tripEnded: true }
}
