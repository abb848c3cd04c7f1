/**
 * Invariant: a virtual number and a person name one session at most, over all
 * processes. Method: 5,000 sessions on 200 numbers from two nodes, hundreds at once;
 * pools that run low and out; keys that change in the middle.
 */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { expect, test } from 'vitest'
import { MESSAGES } from './messages.ts'
import { rotateKeys } from './rotate-keys.ts'
import type { SessionDocument } from './session-document.ts'
import { asUser, newKeyLine, startWorld, type World } from './testing/maskcall-world.ts'
import type { TownTrip } from './testing/town.ts'

const prefix = uniquePrefix()

function numbersOf(count: number, provider = 'twilio') {
  return Array.from({ length: count }, (_, index) => ({
    number: `+918047${String(index).padStart(6, '0')}`,
    provider,
    country: 'IN',
    circle: 'KA',
  }))
}

function openOn(world: World, node: number, trip: TownTrip) {
  const client = world.clients[node % world.clients.length]
  if (client === undefined) throw new Error('no such node')
  const request = { tripId: trip.tripId, passengerId: '', recordingConsent: false }
  return client.createSession(request, { ...asUser(trip.passengerId), timeoutMs: 60_000 })
}

/** More than both nodes work on at once; all of this test shares one process and would only wait in its queues. */
const UNDER_WAY = 400

async function openAll(world: World, trips: readonly TownTrip[]) {
  const opened = new Map<TownTrip, Awaited<ReturnType<typeof openOn>>>()
  const left = trips.entries()
  const worker = async (): Promise<void> => {
    for (const [index, trip] of left) opened.set(trip, await openOn(world, index, trip))
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, worker))
  return trips.map((trip) => opened.get(trip))
}

test('5,000 sessions from two nodes, hundreds at once, fit on 200 numbers, and no pair collides', async () => {
  const COUNT = 5_000
  await using world = await startWorld({ prefix: `${prefix}many`, nodes: 2, numbers: numbersOf(200) })
  const trips = Array.from({ length: COUNT }, () => world.town.addTrip(prefix))
  // A fifth of the drivers has a second trip at the same time.
  for (let index = 0; index < COUNT / 5; index += 1) {
    const [one, other] = [trips[index], trips[index + COUNT / 2]]
    if (one !== undefined && other !== undefined) world.town.phones.set(other.driverId, one.driverPhone)
  }
  const opened = await openAll(world, trips)
  expect(new Set(opened.map((session) => session?.sessionId)).size).toBe(COUNT)
  const pairs = trips.flatMap((trip, index) => {
    const number = opened[index]?.virtualNumber
    return [`${number} ${world.town.phones.get(trip.driverId)}`, `${number} ${trip.passengerPhone}`]
  })
  expect(new Set(pairs).size).toBe(2 * COUNT)
  const uses = new Map<string, number>()
  for (const session of opened) {
    const number = session?.virtualNumber ?? ''
    uses.set(number, (uses.get(number) ?? 0) + 1)
  }
  expect(Math.max(...uses.values())).toBeLessThanOrEqual(100)
  expect(uses.size).toBe(200)
}, 240_000)

test('a pool tells before it is empty, is used to its last place, and then refuses clearly', async () => {
  await using world = await startWorld({
    prefix: `${prefix}low`,
    nodes: 2,
    numbers: [...numbersOf(2), { number: '+918047999999', provider: 'exotel', country: 'IN', circle: 'KA' }],
    env: { MASKCALL_PLACES_PER_NUMBER: '3', MASKCALL_POOL_LOW_PERCENT: '80' },
  })
  const told: Event[] = []
  world.nats.subscribe('admin.event.maskcall.pool_low', {
    callback: (_error, { data }) => void told.push(Event.decode(data)),
  })
  await world.nats.flush()
  const trips = Array.from({ length: 12 }, () => world.town.addTrip(prefix))
  const outcomes = await Promise.allSettled(trips.map((trip, index) => openOn(world, index, trip)))
  const fulfilled = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const rejected = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  // Six with Twilio, and three more with the other provider.
  expect(fulfilled).toHaveLength(9)
  for (const reason of rejected)
    expect(reason).toMatchObject({ reason: ErrorReason.ERROR_REASON_POOL_EXHAUSTED, retryAfterMs: 30_000 })
  await until(() => told.some(({ data }) => data?.provider === 'twilio' && data.held === 6), {
    timeoutMs: 15_000,
  })
  const page = await world.metrics()
  expect(page).toMatch(/hushryd_maskcall_pool_places\{provider="twilio",kind="held"[^}]*\} 6/)
  expect(page).toMatch(/hushryd_maskcall_pool_places\{provider="twilio",kind="capacity"[^}]*\} 6/)
  expect(page).toMatch(/hushryd_maskcall_sessions_total\{outcome="exhausted"[^}]*\} [1-3]/)
})

test('keys change under live sessions: both are found by the new key, and then the old one may go', async () => {
  const [old, next] = [newKeyLine('k1'), newKeyLine('k2')]
  await using world = await startWorld({ prefix: `${prefix}keys`, env: { MASKCALL_KEYS: old } })
  const [trip, over] = [world.town.addTrip(prefix), world.town.addTrip(prefix)]
  const { virtualNumber } = await openOn(world, 0, trip)
  const ended = await openOn(world, 0, over)
  const end = { sessionId: ended.sessionId }
  const sessions = world.mongo.db(world.mongoDb).collection<SessionDocument>('mask_sessions')
  const rotate = (ring: string) =>
    rotateKeys({
      ring: readKeyRing(ring),
      sessions,
      log: createLog({ name: 'test', sink: { write: () => undefined } }),
    })
  expect(await rotate(`${next}\n${old}`)).toEqual({ resealed: 2, unreadable: 0, resting: 0 })
  expect(await rotate(`${next}\n${old}`)).toEqual({ resealed: 0, unreadable: 0, resting: 0 })
  await world.client.endSession(end, asUser(over.driverId))
  expect(await rotate(next)).toMatchObject({ resting: 1 })
  // The same database, by processes that know only the new key.
  await using after = await startWorld({
    prefix: `${prefix}keys`,
    env: { MASKCALL_KEYS: next },
  })
  after.town.phones.set(trip.driverId, trip.driverPhone)
  after.town.setTrip(trip.tripId, { driverId: trip.driverId, passengerIds: [trip.passengerId] })
  const ring = { from: trip.driverPhone, to: virtualNumber }
  const call = (await after.api('POST', '/api/calls/inbound', ring)) as { heard: string }
  expect(call.heard).toBe('')
  await until(async () => {
    const calls = (await after.api('GET', '/api/calls')) as { legs: { to: string }[] }[]
    return calls.some(({ legs }) => legs[1]?.to === trip.passengerPhone)
  })
  const wrong = (await after.api('POST', '/api/calls/inbound', { ...ring, from: '+919999900000' })) as {
    heard: string
  }
  expect(wrong.heard).toBe(MESSAGES.stranger)
})
