import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Alert,
  type AlertId,
  acknowledge,
  assign,
  CONTACT_STATUSES,
  cancel,
  escalate,
  noteContact,
  noteNoContacts,
  raise,
  resolve,
  signalDuress,
} from './alert.ts'
import { ALL_DONE } from './open-batches.ts'
import { encodeForOperations, encodeForPerson } from './views.ts'

const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }
const RAISED = raise(
  {
    alertId: 'a1' as AlertId,
    userId: 'ravi',
    role: 'passenger',
    tripId: 't1',
    bookingId: '',
    location: undefined,
    receivedMs: 1_000,
  },
  TIMES,
)

type Event = (alert: Alert, atMs: number) => Alert | undefined

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ actor: fc.constantFrom('meera', 'asha'), note: fc.string({ maxLength: 5 }) }).chain((by) =>
    fc.constantFrom<Event>(
      (alert, atMs) => acknowledge(alert, { ...by, atMs }, TIMES),
      (alert, atMs) => assign(alert, by.note === '' ? 'meera' : 'asha', { ...by, atMs }, TIMES),
      (alert, atMs) => resolve(alert, { ...by, atMs }),
    ),
  ),
  fc.constant<Event>((alert, atMs) => escalate(alert, atMs, TIMES)),
  fc.constant<Event>((alert, atMs) => noteNoContacts(alert, atMs)),
  fc.record({ contact: fc.nat(2), status: fc.constantFrom(...CONTACT_STATUSES) }).map(
    (step): Event =>
      (alert, atMs) =>
        noteContact(alert, { ...step, channel: 'sms', atMs }),
  ),
  // Pressed again, with either PIN.
  fc.constantFrom<Event>(cancel, signalDuress),
)
const steps = fc.array(fc.record({ event, afterMs: fc.nat(100_000) }), { maxLength: 15 })

function run(alert: Alert, atMs: number, { event: apply, afterMs }: { event: Event; afterMs: number }) {
  const now = atMs + afterMs
  try {
    return { alert: apply(alert, now) ?? alert, atMs: now }
  } catch {
    return { alert, atMs: now }
  }
}

test('for any history before and after, the person cannot tell a duress PIN from a cancellation', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      let state = { alert: RAISED, atMs: 1_000 }
      for (const each of before) {
        // The PIN comes while the alert is open and not called off.
        const next = run(state.alert, state.atMs, each)
        if (next.alert.nextEscalationMs !== undefined && next.alert.duressMs === 0) state = next
      }
      let calm = { ...state, alert: cancel(state.alert, state.atMs + 1) }
      let forced = { ...state, alert: signalDuress(state.alert, state.atMs + 1) }
      const see = ({ alert }: typeof calm) => encodeForPerson({ alert, legs: ALL_DONE })
      expect(see(forced)).toEqual(see(calm))
      for (const each of after) {
        calm = run(calm.alert, calm.atMs, each)
        forced = run(forced.alert, forced.atMs, each)
        expect(see(forced)).toEqual(see(calm))
      }
      expect(encodeForOperations({ alert: forced.alert, legs: ALL_DONE }).duress).toBe(true)
    }),
  )
})

test('the person is never shown who of operations acts, their words, or the audit trail', () => {
  fc.assert(
    fc.property(steps, (history) => {
      let state = { alert: RAISED, atMs: 1_000 }
      for (const each of history) state = run(state.alert, state.atMs, each)
      const seen = encodeForPerson({ alert: state.alert, legs: ALL_DONE })
      expect(seen).toMatchObject({
        notes: '',
        audit: [],
        trail: [],
        duress: false,
        escalations: 0,
        nextEscalationAt: 0,
        assignedAt: 0,
      })
      expect(JSON.stringify(seen)).not.toMatch(/meera|asha/)
    }),
  )
})
