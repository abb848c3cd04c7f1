import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideTrip, isEnded, type Trip, type TripChange, type TripDecision, type TripState } from './trip.ts'

const states: readonly TripState[] = ['SCHEDULED', 'ACTIVE', 'COMPLETED', 'CANCELLED']
const anyState = fc.constantFrom(...states)
const anyTrip: fc.Arbitrary<Trip> = fc.record({
  driverId: fc.constantFrom('d1', 'd2'),
  passengerIds: fc.uniqueArray(fc.constantFrom('p1', 'p2', 'p3'), { maxLength: 3 }),
  bookingId: fc.constantFrom('', 'b1', 'b2'),
  state: anyState,
})
const anyChange: fc.Arbitrary<TripChange> = fc.record({
  driverId: fc.constantFrom('d1', 'd2', 'p1'),
  passengerIds: fc.array(fc.constantFrom('p1', 'p2', 'p3'), { maxLength: 4 }),
  bookingId: fc.constantFrom('', 'b1', 'b2'),
  state: fc.option(anyState, { nil: undefined }),
})

function attempt(current: Trip | undefined, change: TripChange): TripDecision | ErrorReason {
  try {
    return decideTrip(current, change)
  } catch (error) {
    if (error instanceof DomainError) return error.reason
    throw error
  }
}

function askFor(trip: Trip, change: Partial<TripChange>): TripChange {
  return { ...trip, ...change }
}

const scheduled: Trip = { driverId: 'd1', passengerIds: ['p1'], bookingId: 'b1', state: 'SCHEDULED' }

describe('the life of a trip', () => {
  it('moves only along the drawn arrows', () => {
    const allowed = states.flatMap((from) =>
      states
        .filter(
          (to) =>
            typeof attempt({ ...scheduled, state: from }, askFor(scheduled, { state: to })) === 'object',
        )
        .map((to) => `${from}→${to}`),
    )
    expect(allowed).toEqual([
      'SCHEDULED→SCHEDULED',
      'SCHEDULED→ACTIVE',
      'SCHEDULED→COMPLETED',
      'SCHEDULED→CANCELLED',
      'ACTIVE→ACTIVE',
      'ACTIVE→COMPLETED',
      'ACTIVE→CANCELLED',
      'COMPLETED→COMPLETED',
      'CANCELLED→CANCELLED',
    ])
  })

  it('never changes an ended trip, whatever is asked', () => {
    fc.assert(
      fc.property(anyTrip, fc.array(anyChange, { maxLength: 20 }), (first, changes) => {
        let trip = first
        for (const change of changes) {
          const before = trip
          const outcome = attempt(trip, change)
          if (typeof outcome === 'object' && outcome.kind === 'changed') trip = outcome.trip
          if (isEnded(before.state)) expect(trip).toBe(before)
        }
      }),
    )
  })

  it('takes the same request a second time as no change', () => {
    fc.assert(
      fc.property(fc.option(anyTrip, { nil: undefined }), anyChange, (current, change) => {
        const outcome = attempt(current, change)
        if (typeof outcome !== 'object' || outcome.kind !== 'changed') return
        expect(decideTrip(outcome.trip, change)).toEqual({ kind: 'unchanged' })
      }),
    )
  })

  it('never stores a driver among the passengers nor a passenger twice', () => {
    fc.assert(
      fc.property(fc.option(anyTrip, { nil: undefined }), anyChange, (current, change) => {
        const outcome = attempt(current, change)
        if (change.passengerIds.includes(change.driverId)) {
          expect(outcome).toBe(ErrorReason.ERROR_REASON_INVALID_REQUEST)
        }
        if (typeof outcome !== 'object' || outcome.kind !== 'changed') return
        expect(outcome.trip.passengerIds).not.toContain(outcome.trip.driverId)
        expect(new Set(outcome.trip.passengerIds).size).toBe(outcome.trip.passengerIds.length)
      }),
    )
  })

  it('tells everyone who was or is on the trip of each new state and each change of people', () => {
    fc.assert(
      fc.property(anyTrip, anyChange, (current, change) => {
        const outcome = attempt(current, change)
        if (typeof outcome !== 'object' || outcome.kind !== 'changed') return
        const { trip, event } = outcome
        const peopleChange =
          trip.driverId !== current.driverId ||
          [...trip.passengerIds].sort().join() !== [...current.passengerIds].sort().join()
        expect(event !== undefined).toBe(trip.state !== current.state || peopleChange)
        if (event === undefined) return
        expect(event.isEnd).toBe(isEnded(trip.state))
        expect([...event.userIds].sort()).toEqual(
          [
            ...new Set([current.driverId, trip.driverId, ...current.passengerIds, ...trip.passengerIds]),
          ].sort(),
        )
      }),
    )
  })
})

describe('a new trip', () => {
  it('is scheduled where no state is given, and nobody is told', () => {
    expect(decideTrip(undefined, askFor(scheduled, { state: undefined }))).toEqual({
      kind: 'changed',
      trip: scheduled,
      event: undefined,
    })
  })

  it('that is already under way tells its people that it started', () => {
    const outcome = decideTrip(undefined, askFor(scheduled, { state: 'ACTIVE' }))
    expect(outcome).toMatchObject({ event: { type: 'trip.started', userIds: ['d1', 'p1'], isEnd: false } })
  })
})

describe('a known trip', () => {
  it('keeps state and booking where the request leaves them out', () => {
    const active: Trip = { ...scheduled, state: 'ACTIVE' }
    expect(decideTrip(active, askFor(active, { state: undefined, bookingId: '' }))).toEqual({
      kind: 'unchanged',
    })
  })

  it('does not change by the order of its passengers', () => {
    const trip: Trip = { ...scheduled, passengerIds: ['p1', 'p2'] }
    expect(decideTrip(trip, askFor(trip, { passengerIds: ['p2', 'p1'] }))).toEqual({ kind: 'unchanged' })
  })

  it('takes another booking without telling its people', () => {
    expect(decideTrip(scheduled, askFor(scheduled, { bookingId: 'b2' }))).toMatchObject({
      kind: 'changed',
      event: undefined,
    })
  })

  it('that ended refuses other people even with its own state', () => {
    const ended: Trip = { ...scheduled, state: 'COMPLETED' }
    expect(attempt(ended, askFor(ended, { passengerIds: ['p2'] }))).toBe(
      ErrorReason.ERROR_REASON_TRIP_STATE_CONFLICT,
    )
  })
})
