/**
 * Invariant: what a part's absence holds up is made up for once it is back.
 * Positions flow again by themselves, and all that was reported is in the trail.
 * Method: each part is stopped under a steady stream of reports, looked at
 * during the fault, brought back, and looked at again.
 */
import type { App } from '@hushryd/edge/testing/app.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTrip, Drive, flowsAgain, join, openOn, readTrail, seesPosition } from '../testing/trip.ts'

const PATIENCE = { timeout: 40_000, interval: 250 }

let system: TestSystem

beforeAll(async () => {
  system = await startSystem({ programs: ['edge', 'location-history'], env: { HISTORY_GATHER_MS: '1000' } })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

interface Ride extends AsyncDisposable {
  readonly drive: Drive
  readonly driver: App
  readonly rider: App
}

async function startRide(tripId: string): Promise<Ride> {
  const trip = await createTrip(system, tripId)
  const drive = new Drive(tripId)
  const stack = new AsyncDisposableStack()
  const driver = stack.use(await openOn(system, 0, trip.driverToken))
  const rider = stack.use(await openOn(system, 1, trip.riderTokens[0]))
  await join(rider, tripId)
  await seesPosition(rider, drive.report(driver))
  return { drive, driver, rider, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** None of these positions is missing. */
async function expectTrailReaches(tripId: string, fromMs: number, times: readonly number[]): Promise<void> {
  await vi.waitFor(async () => {
    const trail = new Set((await readTrail(system, tripId, fromMs)).map(({ timestampMs }) => timestampMs))
    expect(times.filter((time) => !trail.has(time))).toEqual([])
  }, PATIENCE)
}

/** Reports with pauses into the outage: none of these is seen now, all are sent again. */
async function reportBlindly({ drive, driver }: Ride, count: number): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < count; turn += 1) {
    times.push(drive.report(driver))
    await new Promise((resolve) => setTimeout(resolve, 80))
  }
  return times
}

/** Reports each once the one before was seen, so that no batch window replaces one by the next. */
async function reportSeen({ drive, driver, rider }: Ride, count: number): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < count; turn += 1) {
    const time = drive.report(driver)
    times.push(time)
    await seesPosition(rider, time)
  }
  return times
}

test('a location process is killed and started again: positions flow, and none is missing in the trail', async () => {
  await using ride = await startRide('killed')
  const startMs = Date.now()
  await system.process('location').kill('SIGKILL')
  const times = await reportBlindly(ride, 20)
  await system.process('location').restart()
  await seesPosition(ride.rider, times.at(-1) ?? 0, 30_000)
  await flowsAgain(ride.driver, ride.drive, ride.rider)
  await expectTrailReaches('killed', startMs - 10_000, times)
})

test('NATS stops: positions flow within the location node, and the history is made up for when it is back', async () => {
  await using ride = await startRide('nats')
  const startMs = Date.now()
  await system.process('nats').kill('SIGTERM')
  const times = await reportSeen(ride, 15)
  await system.process('nats').restart()
  await flowsAgain(ride.driver, ride.drive, ride.rider)
  // Emptied, so that only the history can answer.
  const redis = new Redis(system.plan.stores.redisUrl)
  await redis.flushall()
  redis.disconnect()
  await expectTrailReaches('nats', startMs - 10_000, times)
})

test('Redis is emptied: positions flow, and the trail from before is whole', async () => {
  await using ride = await startRide('flushed')
  const startMs = Date.now()
  const before = await reportSeen(ride, 10)
  const redis = new Redis(system.plan.stores.redisUrl)
  await redis.flushall()
  redis.disconnect()
  const after = await reportSeen(ride, 5)
  await expectTrailReaches('flushed', startMs - 10_000, [...before, ...after])
})

test('Redis is away: open sockets stay, positions flow, logins are refused as unavailable, and it heals', async () => {
  await using ride = await startRide('away')
  await system.process('valkey').kill('SIGKILL')
  await reportSeen(ride, 10)
  const login = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${system.serviceKey}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ userId: 'late', role: 'passenger', deviceId: 'd' })
    return (await fetch(`${system.edgeUrls[1]}/v1/sessions`, { method: 'POST', headers, body })).status
  }
  expect(await login()).toBe(503)
  await system.process('valkey').restart()
  await vi.waitFor(async () => expect(await login()).toBe(200), PATIENCE)
  await flowsAgain(ride.driver, ride.drive, ride.rider)
})

test('MongoDB is away: positions flow, and the history catches up when it is back', async () => {
  await using ride = await startRide('mongo')
  const startMs = Date.now()
  await system.process('mongo').kill('SIGKILL')
  const times = await reportSeen(ride, 10)
  await system.process('mongo').restart()
  const redis = new Redis(system.plan.stores.redisUrl)
  await redis.flushall()
  redis.disconnect()
  await expectTrailReaches('mongo', startMs - 10_000, times)
})
