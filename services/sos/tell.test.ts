import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Alert, type AlertId, cancel, raise, Status, signalDuress } from './alert.ts'
import { NEWS, raisedEvent, tell } from './tell.ts'

const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }
const PLACE = { lat: 17.412_345, lng: 78.467_89, accuracy: 7.25 }

const alert: fc.Arbitrary<Alert> = fc
  .record({
    role: fc.constantFrom('passenger', 'driver', 'admin'),
    tripId: fc.constantFrom('', 'trip-1'),
    status: fc.constantFrom(...Object.values(Status)),
    duressMs: fc.constantFrom(0, 2_000),
    acknowledgedBy: fc.constantFrom('', 'meera'),
    notes: fc.constantFrom('', 'the driver is armed'),
    hasNoContacts: fc.boolean(),
    escalations: fc.nat(9),
    assignment: fc.constantFrom(undefined, { to: 'meera', by: 'meera', atMs: 3_000 }),
  })
  .map(({ role, tripId, ...later }) => ({
    ...raise(
      {
        alertId: 'a1' as AlertId,
        userId: 'ravi',
        role,
        tripId,
        bookingId: 'b1',
        location: PLACE,
        receivedMs: 1_000,
      },
      TIMES,
    ),
    ...later,
  }))
const step = fc.record({
  contact: fc.nat(4),
  channel: fc.constantFrom('sms', 'whatsapp'),
  status: fc.constantFrom('QUEUED' as const, 'FAILED' as const, 'SENT' as const, 'READ' as const),
  atMs: fc.nat(),
})
const change = fc.record({ news: fc.constantFrom(...NEWS), alert, atMs: fc.nat(), step })

test('whatever happens, it is told to the raiser and to operations, and to no one else', () => {
  fc.assert(
    fc.property(change, (given) => {
      const told = tell(given)
      // There is no third output: a trip, its room or a follower cannot even be named.
      expect(Object.keys(told).toSorted()).toEqual(['operations', 'person'])
      if (told.person !== undefined) {
        expect(told.person.userId).toBe(given.alert.userId)
        expect(told.person.type.startsWith('sos.')).toBe(true)
        expect(JSON.stringify(told.person)).not.toMatch(/meera|armed|duress|trip-1/)
      }
    }),
  )
})

test('no place and no closing words are in anything that is told', () => {
  fc.assert(
    fc.property(change, (given) => {
      const text = JSON.stringify([tell(given), raisedEvent(given.alert)])
      expect(text).not.toMatch(/17\.41|78\.46|7\.25|armed/)
    }),
  )
})

test('a phone on which the alert looks cancelled stays silent, whatever operations do', () => {
  fc.assert(
    fc.property(change, (given) => {
      const looksCancelled = given.alert.duressMs > 0 || given.alert.status === Status.CANCELLED
      if (!looksCancelled || given.news === 'cancelled' || given.news === 'duress') return
      expect(tell(given).person).toBeUndefined()
    }),
  )
})

test('the events of a cancellation and of the duress PIN are the same for the person and differ for operations', () => {
  fc.assert(
    fc.property(alert, fc.nat(), (before, atMs) => {
      fc.pre(before.duressMs === 0 && before.nextEscalationMs !== undefined)
      fc.pre(before.status === Status.ACTIVE || before.status === Status.RESPONDING)
      const calm = tell({ news: 'cancelled', alert: cancel(before, atMs), atMs })
      const forced = tell({ news: 'duress', alert: signalDuress(before, atMs), atMs })
      expect(forced.person).toEqual(calm.person)
      expect(forced.operations?.severity).toBe('CRITICAL')
    }),
  )
})

test('on an alert that is cancelled already the duress PIN is as silent for the phone as the right one, and operations hear of it', () => {
  fc.assert(
    fc.property(alert, fc.nat(), (before, atMs) => {
      fc.pre(before.duressMs === 0 && before.nextEscalationMs !== undefined)
      fc.pre(before.status === Status.ACTIVE || before.status === Status.RESPONDING)
      const cancelled = cancel(before, atMs)
      const forced = tell({ news: 'duress', alert: signalDuress(cancelled, atMs + 1), atMs: atMs + 1 })
      expect(forced.person).toBeUndefined()
      expect(forced.operations?.severity).toBe('CRITICAL')
    }),
  )
})
