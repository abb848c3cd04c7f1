/** Trips in MongoDB. No personal data: people are ids here. */
import { decideTrip, type Trip, type TripChange, type TripState } from './trip.ts'
import {
  type Change,
  type CollectionShape,
  documentShape,
  type VersionedDocument,
} from './versioned-document.ts'

export interface TripDocument extends VersionedDocument {
  readonly driverId: string
  readonly passengerIds: readonly string[]
  readonly bookingId: string
  readonly status: TripState
}

const STATES: readonly TripState[] = ['SCHEDULED', 'ACTIVE', 'COMPLETED', 'CANCELLED']

export const tripsShape: CollectionShape = documentShape('trips', {
  required: ['driverId', 'passengerIds', 'bookingId', 'status'],
  properties: {
    driverId: { bsonType: 'string' },
    passengerIds: { bsonType: 'array', maxItems: 20, uniqueItems: true, items: { bsonType: 'string' } },
    bookingId: { bsonType: 'string' },
    status: { enum: STATES },
  },
  indexes: [],
})

/** Undefined where nothing changes; throws what the life of a trip forbids. */
export function decideTripDocument(
  current: TripDocument | undefined,
  change: TripChange,
): Change<TripDocument> | undefined {
  const decision = decideTrip(current && openTrip(current), change)
  if (decision.kind === 'unchanged') return undefined
  const { state, ...rest } = decision.trip
  return { body: { ...rest, status: state }, event: decision.event }
}

/** Throws for what is no trip, such as a value of another release in the cache. */
export function openTrip({ driverId, passengerIds, bookingId, status }: TripDocument): Trip {
  if (typeof driverId !== 'string' || !Array.isArray(passengerIds) || !STATES.includes(status)) {
    throw new Error('the document is not a trip')
  }
  return { driverId, passengerIds, bookingId, state: status }
}
