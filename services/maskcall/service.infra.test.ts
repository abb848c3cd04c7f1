/**
 * The service as its callers and its providers see it: real stores, the
 * provider sandbox over HTTP, webhooks by the way that the edge gives them.
 */
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import {
  CallOrigin,
  CallResult,
  CallStart,
  Participant,
  SessionStatus,
} from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { until as untilSoon } from '@hushryd/kernel/testing/await-until.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MESSAGES } from './messages.ts'
import { asUser, startWorld, type World } from './testing/maskcall-world.ts'
import type { TownTrip } from './testing/town.ts'

const prefix = uniquePrefix()
/** Calls take their course; on a busy machine that is no matter of a few seconds. */
const WAIT_MS = 20_000

function until<T>(condition: () => Promise<T> | T, what = 'the condition') {
  return untilSoon(condition, { timeoutMs: WAIT_MS, what })
}

let world: World

beforeAll(async () => {
  world = await startWorld({
    prefix,
    nodes: 2,
    env: { MASKCALL_TRIP_CHECK_MS: '60000', MASKCALL_RECORDING: 'on', MASKCALL_BREAKER_FAILURES: '50' },
  })
})
afterEach(async () => {
  for (const provider of ['twilio', 'exotel']) await world.api('PUT', '/api/faults', { provider, mode: 'ok' })
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

interface ShownCall {
  readonly id: string
  readonly provider: string
  readonly heard: string
  readonly isRecorded: boolean
  readonly legs: readonly { readonly from: string; readonly to: string; readonly status: string }[]
}

async function open(trip: TownTrip, userId = trip.passengerId, recordingConsent = false) {
  return await world.client.createSession(
    { tripId: trip.tripId, passengerId: '', recordingConsent },
    asUser(userId),
  )
}

async function call(sessionId: string, userId: string) {
  return await world.client.initiateCall({ sessionId }, asUser(userId))
}

async function callsTo(number: string): Promise<readonly ShownCall[]> {
  return (await world.api('GET', `/api/calls?number=${encodeURIComponent(number)}`)) as readonly ShownCall[]
}

async function ringIn(from: string, to: string): Promise<ShownCall> {
  return (await world.api('POST', '/api/calls/inbound', { from, to })) as ShownCall
}

async function logOf(
  trip: TownTrip,
  userId = trip.driverId,
  role: 'driver' | 'passenger' | 'admin' = 'driver',
) {
  const { calls } = await world.client.listCallLogs(
    { tripId: trip.tripId, pageSize: 0, pageToken: '' },
    asUser(userId, role),
  )
  return calls
}

async function ended(trip: TownTrip, count = 1) {
  return await until(async () => {
    const calls = await logOf(trip)
    return calls.length === count && calls.every(({ endedAt }) => endedAt > 0) && calls
  }, 'the end of the calls')
}

describe('a session', () => {
  test('is the same for both of a trip, on every node, and is nobody else’s', async () => {
    const trip = world.town.addTrip(prefix)
    const [mine, theirs] = await Promise.all([
      open(trip),
      world.clients[1]?.createSession(
        { tripId: trip.tripId, passengerId: '', recordingConsent: false },
        asUser(trip.driverId),
      ),
    ])
    expect(theirs).toEqual(mine)
    expect(mine).toMatchObject({
      status: SessionStatus.ACTIVE,
      virtualNumber: expect.stringMatching(/^\+9180471900/),
    })
    expect(mine.expiresAt).toBeGreaterThan(Date.now())
    await expect(open(trip, 'somebody')).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
    })
    await expect(call(mine.sessionId, 'somebody')).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
    })
    await expect(call('m_madeupmadeup', trip.driverId)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_MASK_SESSION_NOT_FOUND,
    })
  })

  test('of a driver with two passengers is with the one he names, and they do not share it', async () => {
    const trip = world.town.addTrip(prefix)
    const other = world.town.addTrip(prefix)
    world.town.setTrip(trip.tripId, { passengerIds: [trip.passengerId, other.passengerId] })
    await expect(open(trip, trip.driverId)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
      violations: [{ field: 'passenger_id' }],
    })
    const request = { tripId: trip.tripId, passengerId: other.passengerId, recordingConsent: false }
    const second = await world.client.createSession(request, asUser(trip.driverId))
    expect((await open(trip, other.passengerId)).sessionId).toBe(second.sessionId)
    const first = await open(trip)
    expect(first.sessionId).not.toBe(second.sessionId)
    expect(first.virtualNumber).not.toBe(second.virtualNumber)
  })

  test('needs a trip that goes on, and two different numbers', async () => {
    const trip = world.town.addTrip(prefix)
    world.town.phones.set(trip.driverId, trip.passengerPhone)
    await expect(open(trip)).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_NOT_CALLABLE })
    world.town.phones.set(trip.driverId, '')
    await expect(open(trip)).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_NOT_CALLABLE })
    world.town.setTrip(trip.tripId, { status: TripStatus.COMPLETED })
    await expect(open(trip)).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_TRIP_ENDED })
    await expect(open({ ...trip, tripId: `${prefix}nowhere` })).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_TRIP_NOT_FOUND,
    })
  })

  test('ends by request, and a new one may follow', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId, virtualNumber } = await open(trip)
    const end = () => world.client.endSession({ sessionId }, asUser(trip.driverId, 'driver'))
    expect(await end()).toEqual({ sessionId, status: SessionStatus.ENDED })
    expect(await end()).toEqual({ sessionId, status: SessionStatus.ENDED })
    await expect(call(sessionId, trip.driverId)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_MASK_SESSION_ENDED,
    })
    expect((await ringIn(trip.passengerPhone, virtualNumber)).heard).toBe(MESSAGES.ended)
    const next = await open(trip)
    expect(next.sessionId).not.toBe(sessionId)
    // The old number rests for these two.
    expect(next.virtualNumber).not.toBe(virtualNumber)
  })
})

describe('a call from the app', () => {
  test('rings the caller, then the other, both with the virtual number, and is in the log', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId, virtualNumber } = await open(trip)
    const events: string[] = []
    for (const userId of [trip.driverId, trip.passengerId]) {
      world.nats.subscribe(`push.user.${userId}`, {
        callback: (_error, { data }) => void events.push(`${userId} ${PushEvent.decode(data).type}`),
      })
    }
    await world.nats.flush()
    const { callId, outcome } = await call(sessionId, trip.passengerId)
    expect(outcome).toBe(CallStart.CALLING)
    const [log] = await ended(trip)
    expect(log).toMatchObject({
      callId,
      sessionId,
      caller: Participant.PASSENGER,
      origin: CallOrigin.APP,
      result: CallResult.COMPLETED,
      provider: 'twilio',
      recordingRef: '',
    })
    expect(log?.answeredAt).toBeGreaterThan(0)
    const carried = await until(async () =>
      (await callsTo(trip.passengerPhone)).find(({ legs }) =>
        legs.every(({ status }) => status === 'completed'),
      ),
    )
    expect(carried.legs).toEqual([
      { from: virtualNumber, to: trip.passengerPhone, status: 'completed' },
      { from: virtualNumber, to: trip.driverPhone, status: 'completed' },
    ])
    await until(() => events.length === 4)
    expect(events.filter((event) => event.endsWith('call.started')).sort()).toEqual(
      [trip.driverId, trip.passengerId].map((id) => `${id} call.started`).sort(),
    )
  })

  test.each([
    ['busy', CallResult.BUSY],
    ['no-answer', CallResult.NO_ANSWER],
  ])('to a phone that is %s is told so in the log', async (behaviour, result) => {
    const trip = world.town.addTrip(prefix)
    await world.api('PUT', '/api/phones', { number: trip.driverPhone, behaviour })
    const { sessionId } = await open(trip)
    await call(sessionId, trip.passengerId)
    expect(await ended(trip)).toMatchObject([{ result, answeredAt: 0, durationS: 0 }])
  })

  test('whose own phone is not answered rings nobody else', async () => {
    const trip = world.town.addTrip(prefix)
    await world.api('PUT', '/api/phones', { number: trip.passengerPhone, behaviour: 'no-answer' })
    const { sessionId } = await open(trip)
    await call(sessionId, trip.passengerId)
    expect(await ended(trip)).toMatchObject([{ result: CallResult.CALLER_NO_ANSWER }])
    expect(await callsTo(trip.driverPhone)).toEqual([])
  })

  test('is one call when pressed twice, and the other one finds the line busy', async () => {
    const trip = world.town.addTrip(prefix)
    await world.api('PUT', '/api/phones', { number: trip.driverPhone, behaviour: 'hold' })
    const { sessionId, virtualNumber } = await open(trip)
    const first = await call(sessionId, trip.passengerId)
    const again = await call(sessionId, trip.passengerId)
    expect(again).toEqual(first)
    expect(await call(sessionId, trip.driverId)).toEqual({ callId: '', outcome: CallStart.LINE_BUSY })
    expect((await ringIn(trip.driverPhone, virtualNumber)).heard).toBe(MESSAGES.busy)
    await until(
      async () =>
        (await world.api('POST', '/api/calls/hang-up', { number: trip.driverPhone })) !== undefined &&
        (await logOf(trip)).every(({ endedAt }) => endedAt > 0),
    )
    expect(await callsTo(trip.passengerPhone)).toHaveLength(1)
    expect((await call(sessionId, trip.driverId)).outcome).toBe(CallStart.CALLING)
  })

  test.each(['down', 'fail', 'refuse'])('goes by Exotel while Twilio is %s', async (mode) => {
    const trip = world.town.addTrip(prefix)
    const { sessionId } = await open(trip)
    await world.api('PUT', '/api/faults', { provider: 'twilio', mode, code: '21215' })
    await call(sessionId, trip.driverId)
    expect(await ended(trip)).toMatchObject([
      { provider: 'exotel', result: CallResult.COMPLETED, caller: Participant.DRIVER },
    ])
    const [carried] = await callsTo(trip.driverPhone)
    const own = carried?.legs[0]?.from ?? ''
    // A provider shows only numbers of its own; this one connects the two as the first does.
    expect(own).toMatch(/^\+9180472000/)
    expect(carried?.legs.map(({ from, to }) => [from, to])).toEqual([
      [own, trip.driverPhone],
      [own, trip.passengerPhone],
    ])
    const back = await ringIn(trip.passengerPhone, own)
    expect(back.provider).toBe('exotel')
    await ended(trip, 2)
    const [returned] = (await callsTo(trip.driverPhone)).slice(-1)
    expect(returned?.legs[1]).toMatchObject({ from: own, to: trip.driverPhone })
  })

  test('that Twilio carries without a word in time is one call, and not a second by Exotel', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId } = await open(trip)
    await world.api('PUT', '/api/faults', { provider: 'twilio', mode: 'slow', latencyMs: 60_000 })
    const { outcome } = await world.client.initiateCall(
      { sessionId },
      { ...asUser(trip.driverId), timeoutMs: 2_000 },
    )
    expect(outcome).toBe(CallStart.CALLING)
    expect(await ended(trip)).toMatchObject([{ provider: 'twilio', result: CallResult.COMPLETED }])
    expect(await callsTo(trip.driverPhone)).toHaveLength(1)
  })

  test('is a clear error while both are down, and the session is as it was', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId } = await open(trip)
    await world.api('PUT', '/api/faults', { provider: 'twilio', mode: 'fail' })
    await world.api('PUT', '/api/faults', { provider: 'exotel', mode: 'down' })
    await expect(call(sessionId, trip.driverId)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_UNAVAILABLE,
    })
    expect(await logOf(trip)).toMatchObject([{ result: CallResult.NOT_PLACED, provider: '' }])
    await world.api('PUT', '/api/faults', { provider: 'exotel', mode: 'ok' })
    await world.api('PUT', '/api/faults', { provider: 'twilio', mode: 'ok' })
    expect((await call(sessionId, trip.driverId)).outcome).toBe(CallStart.CALLING)
  })
})

describe('a call to the virtual number', () => {
  test('connects each of the two to the other, and tells everybody else what it is for', async () => {
    const trip = world.town.addTrip(prefix)
    const { virtualNumber } = await open(trip)
    const call = await ringIn(trip.driverPhone, virtualNumber)
    expect(call.heard).toBe('')
    expect(await ended(trip)).toMatchObject([
      { caller: Participant.DRIVER, origin: CallOrigin.PHONE, result: CallResult.COMPLETED },
    ])
    const [carried] = (await callsTo(trip.passengerPhone)).slice(-1)
    expect(carried?.legs[1]).toEqual({ from: virtualNumber, to: trip.passengerPhone, status: 'completed' })

    await ringIn(trip.passengerPhone, virtualNumber)
    await ended(trip, 2)
    for (const stranger of ['+919999900000', 'anonymous'])
      expect((await ringIn(stranger, virtualNumber)).heard).toBe(MESSAGES.stranger)
    expect((await ringIn(trip.driverPhone, '+918047190019')).heard).toBe(MESSAGES.stranger)
    expect(await logOf(trip)).toHaveLength(2)
  })

  test('is told that the ride is over once it is, also before any news of it', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId, virtualNumber } = await open(trip)
    world.town.setTrip(trip.tripId, { status: TripStatus.COMPLETED })
    expect((await ringIn(trip.passengerPhone, virtualNumber)).heard).toBe(MESSAGES.ended)
    await expect(call(sessionId, trip.driverId)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_MASK_SESSION_ENDED,
    })
  })

  test('gets an SMS back that says that SMS are not delivered, whoever writes', async () => {
    const trip = world.town.addTrip(prefix)
    const { virtualNumber } = await open(trip)
    for (const from of [trip.driverPhone, '+919999900000']) {
      const sms = { from, to: virtualNumber, body: `call me on ${trip.passengerPhone}` }
      expect(await world.api('POST', '/api/sms/inbound', sms)).toEqual({ reply: MESSAGES.sms })
    }
    expect(
      await world.api('POST', '/api/sms/inbound', { from: trip.driverPhone, to: '+918047200000', body: 'x' }),
    ).toEqual({ reply: '' })
  })
})

describe('the news of a trip', () => {
  async function stateOf(sessionId: string): Promise<unknown> {
    const found = await world.mongo
      .db(world.mongoDb)
      .collection<{ _id: string; state: string }>('mask_sessions')
      .findOne({ _id: sessionId })
    return found
  }

  test('ends its sessions, and nothing of the numbers is left', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId } = await open(trip)
    const event = {
      type: 'trip.completed',
      tripId: trip.tripId,
      data: {},
      userIds: [],
      userId: '',
      tripEnded: true,
    }
    world.nats.publish(`push.trip.${trip.tripId}`, PushEvent.encode(event).finish())
    await until(async () => JSON.stringify(await stateOf(sessionId)).includes('"endReason":"trip"'))
    const left = JSON.stringify(await stateOf(sessionId))
    expect(left).not.toContain('sealed')
    expect(left).not.toContain('v1:')
  })
})

describe('recordings', () => {
  test('are made only where both have agreed, and only their name is kept, for admins', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId } = await open(trip, trip.passengerId, true)
    await call(sessionId, trip.passengerId)
    await ended(trip)
    await open(trip, trip.driverId, true)
    await call(sessionId, trip.passengerId)
    await ended(trip, 2)
    await until(async () => (await logOf(trip, 'boss', 'admin'))[0]?.recordingRef !== '')
    const shown = await logOf(trip, 'boss', 'admin')
    expect(shown.map(({ recordingRef }) => recordingRef)).toEqual([
      expect.stringMatching(/^twilio:RE[0-9a-f]{32}$/),
      '',
    ])
    expect((await logOf(trip)).map(({ recordingRef }) => recordingRef)).toEqual(['', ''])
  })
})

describe('the log of calls', () => {
  test('comes in pages, newest first, and a passenger sees only his own', async () => {
    const trip = world.town.addTrip(prefix)
    const other = world.town.addTrip(prefix)
    world.town.setTrip(trip.tripId, { passengerIds: [trip.passengerId, other.passengerId] })
    const { sessionId } = await open(trip)
    for (let turn = 1; turn <= 3; turn += 1) {
      await call(sessionId, trip.passengerId)
      await ended(trip, turn)
    }
    const page = (pageToken: string) =>
      world.client.listCallLogs(
        { tripId: trip.tripId, pageSize: 2, pageToken },
        asUser(trip.driverId, 'driver'),
      )
    const first = await page('')
    const second = await page(first.nextPageToken)
    const times = [...first.calls, ...second.calls].map(({ startedAt }) => startedAt)
    expect(times).toHaveLength(3)
    expect(times).toEqual(times.toSorted((one, two) => two - one))
    expect(second.nextPageToken).toBe('')
    await expect(page('bm9uc2Vuc2U')).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
    })
    expect(await logOf(trip, other.passengerId, 'passenger')).toEqual([])
    await expect(logOf(trip, 'somebody')).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
    })
  })
})
