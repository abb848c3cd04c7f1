import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Alert,
  type AlertId,
  acknowledge,
  assign,
  CONTACT_STATUSES,
  cancel,
  contactsReached,
  escalate,
  isClosed,
  noteContact,
  personStatus,
  raise,
  readLocation,
  resolve,
  resolvedBy,
  signalDuress,
  type Trigger,
} from './alert.ts'
import { findBroken } from './audit.ts'

const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }
const TRIGGER: Trigger = {
  alertId: 'a1' as AlertId,
  userId: 'ravi',
  role: 'passenger',
  tripId: 't1',
  bookingId: 'b1',
  location: { lat: 17.4, lng: 78.5, accuracy: 5 },
  receivedMs: 1_000,
}

const word = fc.constantFrom('asha', 'meera', 'ops-1')
const step = fc.record({ actor: word, note: fc.string({ maxLength: 20 }), afterMs: fc.nat(400_000) })
type Change = (alert: Alert, atMs: number) => Alert
const change: fc.Arbitrary<{ readonly afterMs: number; readonly apply: Change }> = fc
  .tuple(step, fc.constantFrom('acknowledge', 'assign', 'resolve', 'cancel', 'duress', 'escalate', 'contact'))
  .chain(([{ actor, note, afterMs }, kind]) =>
    fc
      .record({ contact: fc.nat(4), status: fc.constantFrom(...CONTACT_STATUSES) })
      .map(({ contact, status }) => ({
        afterMs,
        apply: (alert: Alert, atMs: number): Alert => {
          if (kind === 'acknowledge') return acknowledge(alert, { actor, note, atMs }, TIMES)
          if (kind === 'assign')
            return assign(alert, note === '' ? 'asha' : 'meera', { actor, note, atMs }, TIMES)
          if (kind === 'resolve') return resolve(alert, { actor, note, atMs })
          if (kind === 'cancel') return cancel(alert, atMs)
          if (kind === 'duress') return signalDuress(alert, atMs)
          if (kind === 'escalate') return escalate(alert, atMs, TIMES) ?? alert
          return noteContact(alert, { contact, channel: 'sms', status, atMs }) ?? alert
        },
      })),
  )

/** The change, or the alert as it was where the state machine refuses. */
function tryChange(alert: Alert, apply: Change, atMs: number): Alert {
  try {
    return apply(alert, atMs)
  } catch {
    return alert
  }
}

test('whatever happens to an alert, a closed one stays closed, its trail is whole, and an open one is escalated in time', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      let alert = raise(TRIGGER, TIMES)
      let atMs = TRIGGER.receivedMs
      for (const { afterMs, apply } of changes) {
        atMs += afterMs
        const before = alert
        alert = tryChange(alert, apply, atMs)
        if (isClosed(before)) expect(alert.status).toBe(before.status)
        expect(alert.version - before.version).toBe(alert.audit.length - before.audit.length)
        expect(alert.nextEscalationMs === undefined).toBe(isClosed(alert))
        if (before.duressMs > 0) expect(personStatus(alert)).toBe('CANCELLED')
      }
      expect(findBroken(alert.audit)).toBeUndefined()
      const due = alert.nextEscalationMs
      if (due !== undefined) {
        expect(escalate(alert, due - 1, TIMES)).toBeUndefined()
        expect(escalate(alert, due, TIMES)?.escalations).toBe(alert.escalations + 1)
        expect(due - atMs).toBeLessThanOrEqual(TIMES.quietMs)
      }
    }),
  )
})

test('a repeated change is one change', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 15 }), change, (changes, { afterMs, apply }) => {
      let alert = raise(TRIGGER, TIMES)
      let atMs = TRIGGER.receivedMs
      for (const each of changes) {
        atMs += each.afterMs
        alert = tryChange(alert, each.apply, atMs)
      }
      const once = tryChange(alert, apply, atMs + afterMs)
      const twice = tryChange(once, apply, atMs + afterMs)
      expect(twice.status).toBe(once.status)
      expect(twice.duressMs).toBe(once.duressMs)
      expect(twice.escalations).toBe(once.escalations)
      expect(twice.contacts).toEqual(once.contacts)
    }),
  )
})

test('an acknowledgement stops the escalation until the one who gave it goes quiet', () => {
  const raised = raise(TRIGGER, TIMES)
  const taken = acknowledge(raised, { actor: 'meera', note: '', atMs: 10_000 }, TIMES)
  expect(escalate(taken, 31_000, TIMES)).toBeUndefined()
  const quiet = escalate(taken, 310_000, TIMES)
  expect(quiet?.audit.at(-1)).toMatchObject({ action: 'escalated', note: 'nothing from meera' })
  const active = acknowledge(taken, { actor: 'meera', note: 'on the phone', atMs: 200_000 }, TIMES)
  expect(active.acknowledgedMs).toBe(10_000)
  expect(escalate(active, 310_000, TIMES)).toBeUndefined()
})

test('naming who is to see to it stops no escalation, until someone has taken it', () => {
  const raised = raise(TRIGGER, TIMES)
  const byMeera = { actor: 'meera', note: '', atMs: 10_000 }
  const assigned = assign(raised, 'asha', byMeera, TIMES)
  expect(assigned).toMatchObject({
    status: 'ACTIVE',
    assignment: { to: 'asha', by: 'meera', atMs: 10_000 },
    nextEscalationMs: raised.nextEscalationMs,
  })
  expect(assigned.audit.at(-1)).toMatchObject({ action: 'assigned', actor: 'meera', note: 'to asha' })
  expect(assign(assigned, 'asha', { ...byMeera, atMs: 11_000 }, TIMES)).toBe(assigned)
  const taken = acknowledge(assigned, { actor: 'asha', note: '', atMs: 12_000 }, TIMES)
  const handedOn = assign(taken, 'kiran', { actor: 'asha', note: 'my shift ends', atMs: 20_000 }, TIMES)
  expect(handedOn).toMatchObject({ acknowledgedBy: 'asha', nextEscalationMs: 320_000 })
  expect(handedOn.audit.at(-1)?.note).toBe('to kiran: my shift ends')
  const closed = resolve(handedOn, { actor: 'kiran', note: 'at home', atMs: 30_000 })
  expect(() => assign(closed, 'asha', { ...byMeera, atMs: 31_000 }, TIMES)).toThrow('closed')
  expect([resolvedBy(handedOn), resolvedBy(closed)]).toEqual(['', 'kiran'])
})

test('a contact is reached once however many messages got there', () => {
  const steps = [
    { contact: 0, channel: 'sms', status: 'SENT' },
    { contact: 0, channel: 'whatsapp', status: 'READ' },
    { contact: 1, channel: 'sms', status: 'FAILED' },
    { contact: 2, channel: 'sms', status: 'QUEUED' },
  ] as const
  const alert = steps.reduce<Alert>(
    (before, each) => noteContact(before, { ...each, atMs: 2_000 }) ?? before,
    raise(TRIGGER, TIMES),
  )
  expect(contactsReached(alert)).toBe(1)
})

test('the duress PIN looks like a cancellation and leaves the alert open', () => {
  const alert = signalDuress(raise(TRIGGER, TIMES), 5_000)
  expect(personStatus(alert)).toBe('CANCELLED')
  expect(isClosed(alert)).toBe(false)
  expect(alert.nextEscalationMs).toBe(31_000)
})

test('after a duress PIN the right PIN changes nothing, and both answer alike whatever operations did', () => {
  const forced = signalDuress(raise(TRIGGER, TIMES), 5_000)
  expect(cancel(forced, 6_000)).toBe(forced)
  const resolved = resolve(forced, { actor: 'meera', note: '', atMs: 7_000 })
  expect(cancel(resolved, 8_000)).toBe(resolved)
  expect(signalDuress(resolved, 8_000)).toBe(resolved)
  const cancelled = cancel(raise(TRIGGER, TIMES), 5_000)
  expect(signalDuress(cancelled, 6_000)).toBe(cancelled)
})

test('a message that is read is not taken for sent by a late receipt', () => {
  const contact = { contact: 0, channel: 'sms', atMs: 2_000 }
  const read = noteContact(raise(TRIGGER, TIMES), { ...contact, status: 'READ' })
  expect(read?.contacts).toHaveLength(1)
  expect(read === undefined ? read : noteContact(read, { ...contact, status: 'SENT' })).toBeUndefined()
})

test('a place that makes no sense is left out, and the alert is raised all the same', () => {
  const places = [
    { lat: Number.NaN, lng: 0 },
    { lat: 91, lng: 0 },
    { lat: 0, lng: Number.POSITIVE_INFINITY },
  ]
  for (const place of places) expect(readLocation({ ...place, accuracy: 1 })).toBeUndefined()
  expect(readLocation({ lat: 1, lng: 2, accuracy: -1 })).toEqual({ lat: 1, lng: 2, accuracy: 0 })
  const location = { lat: 500, lng: 0, accuracy: 0 }
  expect(raise({ ...TRIGGER, location }, TIMES)).toMatchObject({ status: 'ACTIVE', location: undefined })
})
