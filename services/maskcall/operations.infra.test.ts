/** What operations see of masked calls: who may call whom now, and how much of the pool is left. */
import type { LiveSession } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asUser, onBehalfOf, startWorld, type World } from './testing/maskcall-world.ts'
import type { TownTrip } from './testing/town.ts'

const prefix = uniquePrefix()
const asAdmin = asUser('meera', 'admin')
const NUMBERS = [
  { number: '+918047000001', provider: 'twilio', country: 'IN', circle: 'KA' },
  { number: '+918047000002', provider: 'twilio', country: 'IN', circle: 'AP' },
  { number: '+918047000003', provider: 'exotel', country: 'IN', circle: 'KA' },
]
let world: World
let trips: TownTrip[]

async function open(trip: TownTrip): Promise<string> {
  const request = { tripId: trip.tripId, passengerId: '', recordingConsent: true }
  return (await world.client.createSession(request, asUser(trip.passengerId))).sessionId
}

beforeAll(async () => {
  world = await startWorld({ prefix, numbers: NUMBERS, env: { MASKCALL_PLACES_PER_NUMBER: '10' } })
  trips = Array.from({ length: 5 }, () => world.town.addTrip(prefix))
  for (const trip of trips) await open(trip)
})

afterAll(() => world[Symbol.asyncDispose]())

test('live sessions are listed page by page, newest first, for all trips or one, and without any number', async () => {
  const found: LiveSession[] = []
  let pageToken = ''
  do {
    const page = await world.client.listSessions({ pageSize: 2, pageToken }, asAdmin)
    expect(page.sessions.length).toBeLessThanOrEqual(2)
    found.push(...page.sessions)
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  expect(found.map(({ tripId }) => tripId).toSorted()).toEqual(trips.map(({ tripId }) => tripId).toSorted())
  const opened = found.map(({ openedAt }) => openedAt)
  expect(opened).toEqual(opened.toSorted((one, other) => other - one))
  const [first] = trips
  const ofOne = await world.client.listSessions({ tripId: first?.tripId ?? '' }, asAdmin)
  expect(ofOne.sessions).toMatchObject([
    { driverId: first?.driverId, passengerId: first?.passengerId, isOnCall: false, mayRecord: false },
  ])
  expect(ofOne.sessions[0]?.providers).toHaveLength(1)
  for (const { number } of NUMBERS) expect(JSON.stringify(found)).not.toContain(number.slice(3))
  for (const { passengerPhone, driverPhone } of trips)
    for (const phone of [passengerPhone, driverPhone])
      expect(JSON.stringify(found)).not.toContain(phone.slice(3))
})

test('a session that ends leaves the list, and its place rests', async () => {
  const trip = world.town.addTrip(prefix)
  const before = await world.client.getPool({}, asAdmin)
  const sessionId = await open(trip)
  await world.client.endSession({ sessionId }, asUser(trip.passengerId))
  const { sessions } = await world.client.listSessions({ tripId: trip.tripId }, asAdmin)
  expect(sessions).toEqual([])
  const { parts, lowPercent, readAt } = await world.client.getPool({}, asAdmin)
  expect(parts.map(({ provider, circle, places }) => [provider, circle, places])).toEqual([
    ['exotel', 'KA', 10],
    ['twilio', 'AP', 10],
    ['twilio', 'KA', 10],
  ])
  const sum = (field: 'used' | 'resting', of = parts) => of.reduce((total, part) => total + part[field], 0)
  expect([sum('used'), sum('resting')]).toEqual([sum('used', before.parts), sum('resting', before.parts) + 1])
  expect([lowPercent, readAt > 0]).toEqual([80, true])
  expect(JSON.stringify(parts)).not.toContain('8047')
})

test('a call under way is seen', async () => {
  const trip = world.town.addTrip(prefix)
  const sessionId = await open(trip)
  // Until someone hangs up, which here nobody does.
  await world.api('PUT', '/api/phones', { number: trip.driverPhone, behaviour: 'hold' })
  await world.client.initiateCall({ sessionId }, asUser(trip.passengerId))
  const { sessions } = await world.client.listSessions({ tripId: trip.tripId }, asAdmin)
  expect(sessions).toMatchObject([{ sessionId, isOnCall: true }])
})

test('both are for admins only, and a page token of another list is refused', async () => {
  const callers: Caller[] = [
    { kind: 'user', userId: 'u', role: 'passenger', deviceId: '' },
    { kind: 'user', userId: 'u', role: 'driver', deviceId: '' },
    { kind: 'viewer', scope: 'trip:t' },
    { kind: 'backend' },
  ]
  const reasonOf = async (call: Promise<unknown>): Promise<ErrorReason | undefined> => {
    const error: unknown = await call.catch((thrown: unknown) => thrown)
    return error instanceof DomainError ? error.reason : undefined
  }
  for (const caller of callers) {
    const as = onBehalfOf(caller)
    for (const call of [world.client.listSessions({}, as), world.client.getPool({}, as)])
      expect(await reasonOf(call)).toBe(ErrorReason.ERROR_REASON_FORBIDDEN)
  }
  const pageToken = Buffer.from('1 c_12345678').toString('base64url')
  expect(await reasonOf(world.client.listSessions({ pageToken }, asAdmin))).toBe(
    ErrorReason.ERROR_REASON_INVALID_REQUEST,
  )
})
