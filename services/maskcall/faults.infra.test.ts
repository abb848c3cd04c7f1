/**
 * Invariant: what is away delays, and nothing is lost, doubled or stuck.
 * Method: faulty proxies before NATS and the providers, webhooks posted again
 * and bent, and a clock that the test moves.
 */
import { CallResult, CallStart } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { until as untilSoon } from '@hushryd/kernel/testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
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
let natsProxy: FaultyProxy
/** How far the nodes' clock is ahead. */
let aheadMs = 0
const SESSION_MS = 3_600_000
const REST_MS = 600_000

beforeAll(async () => {
  natsProxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  world = await startWorld({
    prefix,
    natsUrl: natsProxy.url('nats'),
    nowMs: () => Date.now() + aheadMs,
    env: {
      MASKCALL_SESSION_MS: String(SESSION_MS),
      MASKCALL_REST_MS: String(REST_MS),
      MASKCALL_PROVIDER_TIMEOUT_MS: '500',
    },
  })
})
afterEach(() => natsProxy.heal())
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await natsProxy?.[Symbol.asyncDispose]()
})

async function open(trip: TownTrip) {
  return await world.client.createSession(
    { tripId: trip.tripId, passengerId: '', recordingConsent: false },
    asUser(trip.passengerId),
  )
}

async function logOf(trip: TownTrip) {
  const request = { tripId: trip.tripId, pageSize: 0, pageToken: '' }
  return (await world.client.listCallLogs(request, asUser(trip.driverId, 'driver'))).calls
}

function collection(name: string) {
  return world.mongo.db(world.mongoDb).collection<{ _id: string; state?: string; isHeld?: boolean }>(name)
}

/** The sum over all lines of the metric that have the labels. */
async function counted(metric: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const lines = (await world.metrics())
    .split('\n')
    .filter(
      (one) =>
        one.startsWith(`${metric}{`) && Object.entries(labels).every(([k, v]) => one.includes(`${k}="${v}"`)),
    )
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

async function ring(from: string, to: string): Promise<string> {
  const call = (await world.api('POST', '/api/calls/inbound', { from, to })) as { readonly heard: string }
  return call.heard
}

describe('time', () => {
  test('ends a session and later releases its number, by a sweep that any process can do', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId, virtualNumber } = await open(trip)
    aheadMs += SESSION_MS
    // By the clock at once, before any sweep.
    await expect(world.client.initiateCall({ sessionId }, asUser(trip.driverId))).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_MASK_SESSION_ENDED,
    })
    expect(await ring(trip.driverPhone, virtualNumber)).toBe(MESSAGES.ended)
    const state = async () => await collection('mask_sessions').findOne({ _id: sessionId })
    await until(async () => (await state())?.state === 'ended')
    expect((await state())?.isHeld).toBe(true)
    aheadMs += REST_MS
    await until(async () => (await state())?.state === 'released')
    expect(await state()).toMatchObject({ isHeld: false, claims: [], driverClaims: [] })
    expect(await ring(trip.driverPhone, virtualNumber)).toBe(MESSAGES.stranger)
  })

  test('ends a call of which nothing more is heard, and frees the line', async () => {
    const trip = world.town.addTrip(prefix)
    await world.api('PUT', '/api/phones', { number: trip.driverPhone, behaviour: 'hold' })
    const { sessionId } = await open(trip)
    const { callId } = await world.client.initiateCall({ sessionId }, asUser(trip.passengerId))
    await until(async () => (await logOf(trip))[0]?.answeredAt !== 0)
    aheadMs += SESSION_MS - 60_000
    expect(await logOf(trip)).toMatchObject([{ callId, result: CallResult.CALL_RESULT_UNSPECIFIED }])
    aheadMs += 120_000
    await until(async () => (await logOf(trip))[0]?.result === CallResult.LOST)
  })
})

describe('NATS away', () => {
  test('calls go on, and what happened is told when it is back', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId } = await open(trip)
    natsProxy.cut()
    const { callId, outcome } = await world.client.initiateCall({ sessionId }, asUser(trip.passengerId))
    expect(outcome).toBe(CallStart.CALLING)
    await until(async () => (await logOf(trip))[0]?.result === CallResult.COMPLETED)
    const told: string[] = []
    world.nats.subscribe('admin.event.call.*', {
      callback: (_error, { subject, data }) => {
        if (Buffer.from(data).includes(callId)) told.push(subject)
      },
    })
    await world.nats.flush()
    natsProxy.heal()
    const isTold = async (): Promise<boolean> => {
      // The sweep tries again after some seconds.
      aheadMs += 1_000
      return told.length >= 2
    }
    await until(isTold)
    expect(told.slice(0, 2)).toEqual(['admin.event.call.started', 'admin.event.call.ended'])
  })
})

describe('MongoDB away', () => {
  test('callers hear that they should try again, apps are told so, and everything goes on when it is back', async () => {
    const mongoUrl = new URL(testUrl('TEST_MONGO_URL'))
    await using proxy = await startFaultyProxy({ target: mongoUrl.host })
    mongoUrl.host = proxy.address
    await using other = await startWorld({ prefix: `${prefix}mongo`, mongoUrl: mongoUrl.href })
    const trip = other.town.addTrip(prefix)
    const openHere = () =>
      other.client.createSession(
        { tripId: trip.tripId, passengerId: '', recordingConsent: false },
        asUser(trip.passengerId),
      )
    const { virtualNumber } = await openHere()
    proxy.cut()
    for (const provider of ['twilio', 'exotel']) {
      const ring = { from: trip.driverPhone, to: virtualNumber, provider }
      expect(await other.api('POST', '/api/calls/inbound', ring)).toMatchObject({
        heard: MESSAGES.unavailable,
      })
    }
    await expect(openHere()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
    proxy.heal()
    await until(async () => (await openHere()).virtualNumber === virtualNumber)
    const ring = { from: trip.driverPhone, to: virtualNumber }
    expect(await other.api('POST', '/api/calls/inbound', ring)).toMatchObject({ heard: '' })
  })
})

describe('providers that hang', () => {
  test('both are given up within the caller’s deadline, and the session is as it was', async () => {
    await using proxy = await startFaultyProxy({ target: world.sandbox.url })
    await using other = await startWorld({
      prefix: `${prefix}hang`,
      env: {
        TWILIO_BASE_URL: proxy.url('http'),
        EXOTEL_BASE_URL: proxy.url('http'),
        MASKCALL_PROVIDER_TIMEOUT_MS: '30000',
      },
    })
    const trip = other.town.addTrip(prefix)
    const { sessionId } = await other.client.createSession(
      { tripId: trip.tripId, passengerId: '', recordingConsent: false },
      asUser(trip.passengerId),
    )
    proxy.stall()
    const call = () =>
      other.client.initiateCall({ sessionId }, { ...asUser(trip.passengerId), timeoutMs: 3_000 })
    await expect(call()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
    expect(other.logs.records().filter(({ outcome }) => outcome === 'unavailable')).toMatchObject([
      { provider: 'twilio', code: 'timeout' },
      { provider: 'exotel', code: 'timeout' },
    ])
    // The line is free: the next one is asked for anew, and not answered with the first.
    await expect(call()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
  })
})

describe('webhooks', () => {
  test('that are posted again are refused and counted, and change nothing', async () => {
    const trip = world.town.addTrip(prefix)
    const { sessionId, virtualNumber } = await open(trip)
    await world.client.initiateCall({ sessionId }, asUser(trip.passengerId))
    await until(async () => (await logOf(trip))[0]?.result === CallResult.COMPLETED)
    await ring(trip.passengerPhone, virtualNumber)
    await until(async () => (await logOf(trip)).every(({ endedAt }) => endedAt > 0))
    const before = await logOf(trip)
    const taken = [...world.passed].filter(({ status }) => status < 300)
    const countedBefore = await counted('hushryd_maskcall_webhook_refusals_total', { reason: 'replayed' })
    for (const { path, method, headers, body } of taken) {
      const kept = ['content-type', 'x-twilio-signature'].flatMap((name) =>
        headers[name] === undefined ? [] : [[name, headers[name]] as [string, string]],
      )
      const response = await fetch(world.publicUrl + path, {
        method,
        headers: Object.fromEntries(kept),
        ...(method === 'POST' ? { body } : {}),
      })
      expect(response.status).toBe(409)
      expect(await response.text()).toBe('')
    }
    expect(await logOf(trip)).toEqual(before)
    expect(await counted('hushryd_maskcall_webhook_refusals_total', { reason: 'replayed' })).toBe(
      countedBefore + taken.length,
    )
  })

  test('of nobody, forged or malformed are refused and counted', async () => {
    const refusals = (reason: string) => counted('hushryd_maskcall_webhook_refusals_total', { reason })
    const before = await Promise.all(['bad_signature', 'not_configured'].map(refusals))
    const post = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (
        await fetch(world.publicUrl + path, {
          method: 'POST',
          headers,
          body: 'CallSid=CA1&From=%2B91&To=%2B91',
        })
      ).status
    expect(await post('/v1/webhooks/twilio/voice')).toBe(403)
    expect(await post('/v1/webhooks/twilio/call-status', { 'x-twilio-signature': 'AAAA' })).toBe(403)
    expect(await post('/v1/webhooks/exotel/call-status?call=c_1&token=AAAA')).toBe(403)
    expect(await post('/v1/webhooks/acme/sms')).toBe(404)
    expect(await post(`/v1/webhooks/exotel/voice?secret=${world.keys.exotel.webhookSecret}`)).toBe(400)
    const after = await Promise.all(['bad_signature', 'not_configured'].map(refusals))
    expect(after[0]).toBe((before[0] ?? 0) + 3)
    expect(after[1]).toBe((before[1] ?? 0) + 1)
    expect(
      await counted('hushryd_maskcall_webhook_refusals_total', { provider: 'exotel', reason: 'malformed' }),
    ).toBe(1)
  })
})
