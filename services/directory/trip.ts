/**
 * What a trip is, and which changes of it are allowed.
 *
 * Pure: the store supplies what it holds and writes what comes back, so the
 * whole life of a trip can be property-tested without a database.
 *
 *   SCHEDULED ──► ACTIVE ──► COMPLETED
 *       │  │         └─────► CANCELLED
 *       │  └───────────────► COMPLETED   (a backend that never said ACTIVE)
 *       └──────────────────► CANCELLED
 *
 * SCHEDULED → COMPLETED is allowed because the booking backend is the one that
 * knows: where its message about the start was lost, refusing the end would
 * keep a ride open for ever. Nothing goes back, and an ended trip never changes.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'

export type TripState = 'SCHEDULED' | 'ACTIVE' | 'COMPLETED' | 'CANCELLED'

export interface Trip {
  readonly driverId: string
  readonly passengerIds: readonly string[]
  readonly bookingId: string
  readonly state: TripState
}

/** What the backend asks for. Without `state` it stays as it is; an empty `bookingId` likewise. */
export interface TripChange {
  readonly driverId: string
  readonly passengerIds: readonly string[]
  readonly bookingId: string
  readonly state: TripState | undefined
}

export type TripEventType = 'trip.started' | 'trip.completed' | 'trip.cancelled' | 'trip.updated'

/** What the trip's people are told. */
export interface TripEvent {
  readonly type: TripEventType
  /** The driver and the passengers, also those whom this change removes. */
  readonly userIds: readonly string[]
  readonly state: TripState
  readonly isEnd: boolean
}

export type TripDecision =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly trip: Trip; readonly event: TripEvent | undefined }

const NEXT_STATES: Readonly<Record<TripState, readonly TripState[]>> = {
  SCHEDULED: ['ACTIVE', 'COMPLETED', 'CANCELLED'],
  ACTIVE: ['COMPLETED', 'CANCELLED'],
  COMPLETED: [],
  CANCELLED: [],
}

const EVENT_OF_STATE: Readonly<Record<TripState, TripEventType | undefined>> = {
  SCHEDULED: undefined,
  ACTIVE: 'trip.started',
  COMPLETED: 'trip.completed',
  CANCELLED: 'trip.cancelled',
}

export function isEnded(state: TripState): boolean {
  return NEXT_STATES[state].length === 0
}

/** What is to be stored for a change of the trip as it is now, or of none. Throws what forbids it. */
export function decideTrip(current: Trip | undefined, change: TripChange): TripDecision {
  const passengerIds = [...new Set(change.passengerIds)]
  if (passengerIds.includes(change.driverId)) {
    throw new DomainError(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
      'The driver of a trip cannot be one of its passengers.',
      { violations: [{ field: 'passenger_ids', description: 'contains the driver' }] },
    )
  }
  if (current === undefined) return created({ ...change, passengerIds, state: change.state ?? 'SCHEDULED' })

  const state = change.state ?? current.state
  const bookingId = change.bookingId === '' ? current.bookingId : change.bookingId
  const peopleChange =
    current.driverId !== change.driverId || !holdSameIds(current.passengerIds, passengerIds)
  const stateChanges = state !== current.state
  if (!peopleChange && !stateChanges && bookingId === current.bookingId) return { kind: 'unchanged' }
  if (isEnded(current.state)) throw conflict(`The trip is ${current.state} and does not change any more.`)
  if (stateChanges && !NEXT_STATES[current.state].includes(state)) {
    throw conflict(`A trip that is ${current.state} cannot become ${state}.`)
  }

  const trip: Trip = {
    driverId: change.driverId,
    // The order carries no meaning: where only that differs, the stored one stays.
    passengerIds: peopleChange ? passengerIds : current.passengerIds,
    bookingId,
    state,
  }
  const type = stateChanges ? EVENT_OF_STATE[state] : peopleChange ? 'trip.updated' : undefined
  const people = new Set([...peopleOf(trip), ...peopleOf(current)])
  return {
    kind: 'changed',
    trip,
    event: type === undefined ? undefined : { type, userIds: [...people], state, isEnd: isEnded(state) },
  }
}

function created(trip: Trip): TripDecision {
  const type = EVENT_OF_STATE[trip.state]
  return {
    kind: 'changed',
    trip,
    event:
      type === undefined
        ? undefined
        : { type, userIds: peopleOf(trip), state: trip.state, isEnd: isEnded(trip.state) },
  }
}

function peopleOf(trip: Trip): string[] {
  return [trip.driverId, ...trip.passengerIds]
}

function holdSameIds(left: readonly string[], right: readonly string[]): boolean {
  const ids = new Set(left)
  return ids.size === right.length && right.every((id) => ids.has(id))
}

function conflict(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_TRIP_STATE_CONFLICT, message)
}
