import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  endSession,
  isLive,
  type MaskSession,
  mayRecord,
  nextCheckMs,
  openSession,
  releaseSession,
  roleOf,
  whyTripEnds,
} from './session.ts'

const TIMES = { lastsMs: 1_000, restMs: 500, checkEveryMs: 100 }
const PAIR = { driverId: 'd', passengerId: 'p' }

function newSession(nowMs: number): MaskSession {
  return openSession(
    {
      ...PAIR,
      id: 'm_1',
      tripId: 't',
      numbers: [{ provider: 'twilio', number: '+918047190000' }],
      claims: ['+918047190000#1', 'k.a', 'k.b'],
      driverClaims: ['k.a'],
      sealed: { keyId: 'k', driver: 'v1:k:x', passenger: 'v1:k:y' },
      consents: {},
    },
    nowMs,
    TIMES,
  )
}

type Step = { readonly do: 'end' | 'release' | 'wait'; readonly ms: number }
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ do: fc.constantFrom('end', 'release', 'wait'), ms: fc.integer({ min: 0, max: 800 }) }),
  { maxLength: 20 },
)

test('a session only goes on: active, ended, released; numbers go with its end and claims with its release', () => {
  const order = ['active', 'ended', 'released']
  fc.assert(
    fc.property(steps, (given) => {
      let nowMs = 0
      let session = newSession(nowMs)
      for (const step of given) {
        const before = session
        nowMs += step.ms
        if (step.do === 'end') session = endSession(session, 'request', nowMs, TIMES)
        if (step.do === 'release') session = releaseSession(session)
        expect(order.indexOf(session.state)).toBeGreaterThanOrEqual(order.indexOf(before.state))
        expect(order.indexOf(session.state) - order.indexOf(before.state)).toBeLessThanOrEqual(1)
        expect(session.sealed === undefined).toBe(session.state !== 'active')
        expect(session.claims.length === 0).toBe(session.state === 'released')
        expect(isLive(session, nowMs)).toBe(session.state === 'active' && nowMs < TIMES.lastsMs)
        // Whoever is not released is looked at again, and a live one not after its time.
        expect(session.dueMs === undefined).toBe(session.state === 'released')
        if (session.state === 'active')
          expect(nextCheckMs(session, nowMs, TIMES)).toBeLessThanOrEqual(session.expiresMs)
      }
    }),
  )
})

test('the trip ends it when it is over or gone, or when one of the two is no longer part of it', () => {
  const trip = { driverId: 'd', passengerIds: ['x', 'p'], isOver: false }
  expect(whyTripEnds(PAIR, trip)).toBeUndefined()
  expect(whyTripEnds(PAIR, { ...trip, isOver: true })).toBe('trip')
  expect(whyTripEnds(PAIR, undefined)).toBe('trip')
  expect(whyTripEnds(PAIR, { ...trip, driverId: 'e' })).toBe('replaced')
  expect(whyTripEnds(PAIR, { ...trip, passengerIds: ['x'] })).toBe('replaced')
})

test('roles are by person, and a recording needs both to agree', () => {
  expect(['d', 'p', 'x'].map((id) => roleOf(PAIR, id))).toEqual(['driver', 'passenger', undefined])
  expect(mayRecord({ consents: {} })).toBe(false)
  expect(mayRecord({ consents: { driver: 1 } })).toBe(false)
  expect(mayRecord({ consents: { driver: 1, passenger: 2 } })).toBe(true)
})
