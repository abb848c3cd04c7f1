/**
 * A ride in which two people speak and never learn each other's number: over
 * REST and WebSocket as the apps do, with the sandbox for the providers and
 * both of their phones.
 */
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTrip, openOn, type TestTrip } from '../testing/trip.ts'

interface Leg {
  readonly from: string
  readonly to: string
  readonly status: string
}

interface CarriedCall {
  readonly provider: string
  readonly heard: string
  readonly legs: readonly Leg[]
}

interface LoggedCall {
  readonly caller: string
  readonly origin: string
  readonly result: string
  readonly endedAt: number
  readonly provider: string
}

interface Answer<T> {
  readonly status: number
  readonly body: T
  readonly text: string
}

const DRIVER_PHONE = '+919812345678'
const RIDER_PHONE = '+917023456789'
const WAIT_MS = 20_000
let system: TestSystem
/** Everything that either app got. */
const received: string[] = []

beforeAll(async () => {
  system = await startSystem({ programs: ['edge', 'maskcall'], env: { SANDBOX_RECEIPT_DELAY_MS: '20' } })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

async function rest<T>(method: string, path: string, token: string, body?: object): Promise<Answer<T>> {
  const response = await fetch(`${system.edgeUrls[1]}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  received.push(text)
  return { status: response.status, text, body: JSON.parse(text) as T }
}

async function sandbox<T>(method: string, path: string, body?: object): Promise<T> {
  const [url] = system.httpOf('sandbox')
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as T
}

async function createTripWithPhones(tripId: string): Promise<TestTrip> {
  const trip = await createTrip(system, tripId)
  const people = [
    [trip.driverId, DRIVER_PHONE],
    [trip.riderIds[0], RIDER_PHONE],
  ]
  for (const [userId, phone] of people) {
    const response = await fetch(`${system.edgeUrls[0]}/v1/users/${userId}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${system.serviceKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Somebody', phone }),
    })
    expect(response.status).toBe(200)
  }
  return trip
}

async function logOf(tripId: string, token: string): Promise<readonly LoggedCall[]> {
  const { body } = await rest<{ calls: readonly LoggedCall[] }>('GET', `/v1/trips/${tripId}/calls`, token)
  return body.calls
}

async function ended(tripId: string, token: string, count: number): Promise<readonly LoggedCall[]> {
  return await vi.waitFor(async () => {
    const calls = await logOf(tripId, token)
    expect(calls.filter(({ endedAt }) => endedAt > 0)).toHaveLength(count)
    return calls
  }, WAIT_MS)
}

test('a session is opened, a call made, one returned by dialling, and after the ride nobody is connected', async () => {
  const trip = await createTripWithPhones('masked')
  const [riderToken = ''] = trip.riderTokens
  using rider = await openOn(system, 0, riderToken)
  using driver = await openOn(system, 1, trip.driverToken)

  const opened = await rest<{ sessionId: string; virtualNumber: string; status: string }>(
    'POST',
    '/v1/mask-calls',
    riderToken,
    { tripId: 'masked' },
  )
  expect(opened).toMatchObject({ status: 200, body: { status: 'ACTIVE' } })
  const { sessionId, virtualNumber } = opened.body
  // The driver's app asks over its socket and gets the same one.
  driver.send({
    id: 's',
    call: { method: 'hushryd.maskcall.v1.MaskCallService/CreateSession', request: { tripId: 'masked' } },
  })
  expect((await driver.answer('s')).result).toMatchObject({ sessionId, virtualNumber })

  const called = await rest<{ outcome: string; callId: string }>(
    'POST',
    `/v1/mask-calls/${sessionId}:call`,
    riderToken,
    {},
  )
  expect(called).toMatchObject({ status: 200, body: { outcome: 'CALLING' } })
  for (const app of [rider, driver]) {
    const started = await app.next(
      ({ event }) => (event as { type?: string })?.type === 'call.started',
      WAIT_MS,
    )
    const over = await app.next(({ event }) => (event as { type?: string })?.type === 'call.ended', WAIT_MS)
    expect(over.event).toMatchObject({
      tripId: 'masked',
      data: { callId: called.body.callId, result: 'completed' },
    })
    received.push(JSON.stringify([started, over]))
  }
  const [first] = await sandbox<CarriedCall[]>('GET', '/api/calls')
  expect(first?.legs.map(({ from, to }) => ({ from, to }))).toEqual([
    { from: virtualNumber, to: RIDER_PHONE },
    { from: virtualNumber, to: DRIVER_PHONE },
  ])

  const back = await sandbox<CarriedCall>('POST', '/api/calls/inbound', {
    from: DRIVER_PHONE,
    to: virtualNumber,
  })
  expect(back.heard).toBe('')
  await ended('masked', riderToken, 2)
  const returned = (await sandbox<CarriedCall[]>('GET', '/api/calls')).at(-1)
  expect(returned?.legs[1]).toMatchObject({ from: virtualNumber, to: RIDER_PHONE })

  await trip.setStatus('COMPLETED')
  for (const from of [DRIVER_PHONE, RIDER_PHONE]) {
    const late = await sandbox<CarriedCall>('POST', '/api/calls/inbound', { from, to: virtualNumber })
    expect(late.heard).toContain('This trip is over')
    received.push(late.heard)
  }
  const refused = await rest<{ reason: string }>(
    'POST',
    `/v1/mask-calls/${sessionId}:call`,
    trip.driverToken,
    {},
  )
  expect(refused).toMatchObject({ status: 410, body: { reason: 'MASK_SESSION_ENDED' } })

  expect(await logOf('masked', trip.driverToken)).toMatchObject([
    { caller: 'DRIVER', origin: 'PHONE', result: 'COMPLETED', provider: 'twilio' },
    { caller: 'PASSENGER', origin: 'APP', result: 'COMPLETED', provider: 'twilio' },
  ])
  for (const phone of [DRIVER_PHONE, RIDER_PHONE])
    for (const text of received) expect(text.replaceAll(/[\s-]/g, '')).not.toContain(phone.slice(3))
})

test('Exotel carries the call while Twilio is down, and with both down the app is told so and may try again', async () => {
  const trip = await createTripWithPhones('failover')
  const { body } = await rest<{ sessionId: string }>('POST', '/v1/mask-calls', trip.driverToken, {
    tripId: 'failover',
  })
  const call = () => rest('POST', `/v1/mask-calls/${body.sessionId}:call`, trip.driverToken, {})
  await sandbox('PUT', '/api/faults', { provider: 'twilio', mode: 'down' })
  await sandbox('PUT', '/api/faults', { provider: 'exotel', mode: 'down' })
  expect(await call()).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
  await sandbox('PUT', '/api/faults', { provider: 'exotel', mode: 'ok' })
  expect(await call()).toMatchObject({ status: 200, body: { outcome: 'CALLING' } })
  const [last] = await ended('failover', trip.driverToken, 2)
  expect(last).toMatchObject({ provider: 'exotel', result: 'COMPLETED' })
})
