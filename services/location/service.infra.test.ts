import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { WatchFleetResponse, WatchTripResponse } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LaneClient } from './testing/lane-client.ts'
import {
  asUser,
  type LocationNode,
  onBehalfOf,
  openWorld,
  position,
  reasonOf,
  type TestWorld,
} from './testing/location-node.ts'

let world: TestWorld
let node: LocationNode

const asBackend = onBehalfOf({ kind: 'backend' })
const asStranger = asUser('a-stranger', 'passenger')

beforeAll(async () => {
  world = await openWorld(1)
  node = await world.startNode()
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await world.redis.flushdb()
  await world[Symbol.asyncDispose]()
})

/** Reports one position as its driver. */
async function report(tripId: string, driverId: string, timestampMs: number, east = 0): Promise<boolean> {
  const { userId: _, ...rest } = position(driverId, timestampMs, east)
  return (await node.as('edge').reportLocation({ tripId, ...rest }, asUser(driverId))).stored
}

/** A stream that is read as it comes. */
class Reader<T> {
  readonly messages: T[] = []
  error: unknown
  isEnded = false
  readonly #controller = new AbortController()

  constructor(open: (signal: AbortSignal) => AsyncIterable<T>) {
    void this.#read(open(this.#controller.signal))
  }

  async #read(stream: AsyncIterable<T>): Promise<void> {
    try {
      for await (const message of stream) this.messages.push(message)
    } catch (error) {
      this.error = error
    }
    this.isEnded = true
  }

  stop(): void {
    this.#controller.abort()
  }
}

function watchTrip(tripId: string, sinceMs = 0, caller = asBackend): Reader<WatchTripResponse> {
  return new Reader((signal) => node.as('edge').watchTrip({ tripId, sinceMs }, { ...caller, signal }))
}

describe('a reported position', () => {
  it('is the latest for everyone who may see the trip, and an older one never replaces it', async () => {
    const { tripId, driverId, passengerId } = world.newTrip()
    const now = Date.now()
    expect(await report(tripId, driverId, now)).toBe(true)
    expect(await report(tripId, driverId, now - 5_000)).toBe(false)
    expect(await report(tripId, driverId, now)).toBe(false)
    const expected = { ...position(driverId, now), tripId }
    for (const caller of [
      asUser(driverId),
      asUser(passengerId, 'passenger'),
      asUser('someone', 'admin'),
      onBehalfOf({ kind: 'viewer', scope: `trip:${tripId}` }),
      asBackend,
    ]) {
      expect(await node.as('edge').getLatestLocation({ tripId }, caller)).toEqual(expected)
    }
    expect(await node.as('sos').getLatestLocation({ tripId })).toEqual(expected)
  })

  it('is in Redis as the latest, in the trail, and where active trips are looked for', async () => {
    const { tripId, driverId } = world.newTrip()
    const now = Date.now()
    await report(tripId, driverId, now - 1_000)
    await report(tripId, driverId, now)
    expect(Object.keys(await world.redis.hgetall(`location:{${tripId}}`))).toEqual([driverId])
    expect(await world.redis.xlen(`location_stream:{${tripId}}`)).toBe(2)
    for (const key of [`location:{${tripId}}`, `location_stream:{${tripId}}`]) {
      const ttl = await world.redis.pttl(key)
      expect(ttl).toBeGreaterThan(3_500_000)
      expect(ttl).toBeLessThanOrEqual(3_600_000)
    }
    await until(async () => (await world.redis.geopos('active_trips_geo', `trip:${tripId}`))[0], {
      what: 'the index',
    })
    expect(Number(await world.redis.zscore('location_activity', tripId))).toBeGreaterThan(now - 60_000)
  })

  it('is refused, each with its reason', async () => {
    const { tripId, driverId, passengerId } = world.newTrip()
    const now = Date.now()
    const edge = node.as('edge')
    const good = { tripId, lat: 17.4, lng: 78.4, accuracy: 1, speed: 1, heading: 1, timestampMs: now }
    const scheduled = world.newTrip(TripStatus.SCHEDULED)
    const over = world.newTrip(TripStatus.COMPLETED)
    const refusals: [object, string, ErrorReason][] = [
      [{ lat: 91 }, driverId, ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE],
      [{ lng: Number.NaN }, driverId, ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE],
      [{ timestampMs: now + 120_000 }, driverId, ErrorReason.ERROR_REASON_POSITION_IN_FUTURE],
      [{ timestampMs: now - 3_700_000 }, driverId, ErrorReason.ERROR_REASON_POSITION_TOO_OLD],
      [{}, 'another-driver', ErrorReason.ERROR_REASON_NOT_THE_DRIVER],
      [{}, passengerId, ErrorReason.ERROR_REASON_NOT_THE_DRIVER],
      [{ tripId: scheduled.tripId }, scheduled.driverId, ErrorReason.ERROR_REASON_NOT_THE_DRIVER],
      [{ tripId: over.tripId }, over.driverId, ErrorReason.ERROR_REASON_TRIP_ENDED],
      [{ tripId: world.newId('none') }, driverId, ErrorReason.ERROR_REASON_TRIP_NOT_FOUND],
      [{ tripId: 'no trip’s id' }, driverId, ErrorReason.ERROR_REASON_INVALID_REQUEST],
    ]
    for (const [change, userId, reason] of refusals) {
      expect(
        await reasonOf(edge.reportLocation({ ...good, ...change }, asUser(userId))),
        String(reason),
      ).toBe(reason)
    }
    expect(await reasonOf(edge.reportLocation(good, asUser(driverId, 'passenger')))).toBe(
      ErrorReason.ERROR_REASON_FORBIDDEN,
    )
    expect(await reasonOf(edge.getLatestLocation({ tripId }, asBackend))).toBe(
      ErrorReason.ERROR_REASON_NO_POSITION,
    )
  })

  it('that nobody could have driven to is kept from followers', async () => {
    const { tripId, driverId } = world.newTrip()
    const now = Date.now()
    await report(tripId, driverId, now - 10_000)
    expect(await report(tripId, driverId, now - 9_000, 50_000)).toBe(false)
    expect(await report(tripId, driverId, now - 8_000, 20)).toBe(true)
    const { updates } = await node.as('edge').getTrail({ tripId }, asBackend)
    expect(updates.map(({ timestampMs }) => timestampMs)).toEqual([now - 10_000, now - 8_000])
  })

  it('of a trip that becomes active is taken as soon as the directory tells', async () => {
    const { tripId, driverId, passengerId } = world.newTrip(TripStatus.SCHEDULED)
    expect(await reasonOf(report(tripId, driverId, Date.now()))).toBe(ErrorReason.ERROR_REASON_NOT_THE_DRIVER)
    world.directory.put(tripId, { driverId, passengerIds: [passengerId], status: TripStatus.ACTIVE })
    await until(() => report(tripId, driverId, Date.now()))
  })
})

describe('positions in a stream from HushRyd’s own services', () => {
  it('are answered once, with each refusal at its place', async () => {
    const { tripId, driverId } = world.newTrip()
    const now = Date.now()
    async function* requests() {
      yield { tripId, position: position('', now - 1_000) }
      yield { tripId, position: position('whoever', now) }
      yield { tripId, position: { ...position('', now), lat: 100 } }
      yield { tripId: world.newId('none'), position: position('', now) }
      yield { tripId }
    }
    const answer = await node.as('trips-importer').reportLocations(requests())
    expect(answer).toEqual({
      accepted: 2,
      rejected: [
        { index: 2, reason: 'POSITION_OUT_OF_RANGE' },
        { index: 3, reason: 'TRIP_NOT_FOUND' },
        { index: 4, reason: 'POSITION_OUT_OF_RANGE' },
      ],
    })
    const latest = await node.as('sos').getLatestLocation({ tripId })
    expect(latest).toMatchObject({ userId: driverId, timestampMs: now })
    expect(await reasonOf(node.as('edge').reportLocations(requests(), asUser(driverId)))).toBe(
      ErrorReason.ERROR_REASON_FORBIDDEN,
    )
  })
})

describe('rights', () => {
  it('keep a trip from everyone but its people, admins and the holders of its own links', async () => {
    const { tripId, driverId } = world.newTrip()
    const other = world.newTrip()
    await report(tripId, driverId, Date.now())
    const edge = node.as('edge')
    for (const caller of [
      asStranger,
      asUser(other.driverId),
      onBehalfOf({ kind: 'viewer', scope: `trip:${other.tripId}` }),
    ]) {
      const reason = ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT
      expect(await reasonOf(edge.getLatestLocation({ tripId }, caller))).toBe(reason)
      expect(await reasonOf(edge.getTrail({ tripId }, caller))).toBe(reason)
      const watch = watchTrip(tripId, 0, caller)
      await until(() => watch.isEnded)
      expect(watch.error).toMatchObject({ reason })
    }
    const anonymous = onBehalfOf({ kind: 'anonymous' })
    expect(await reasonOf(edge.getTrail({ tripId }, anonymous))).toBe(ErrorReason.ERROR_REASON_FORBIDDEN)
    expect(await reasonOf(edge.findNearby({ lat: 0, lng: 0 }, asUser(driverId)))).toBe(
      ErrorReason.ERROR_REASON_FORBIDDEN,
    )
    for (const caller of [asUser(driverId), onBehalfOf({ kind: 'viewer', scope: `trip:${tripId}` })]) {
      const fleet = new Reader((signal) =>
        edge.watchFleet({ south: 17, west: 78, north: 18, east: 79 }, { ...caller, signal }),
      )
      await until(() => fleet.isEnded)
      expect(fleet.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_FORBIDDEN })
    }
  })

  it('give lanes to edges alone', async () => {
    const { tripId } = world.newTrip()
    await using lane = new LaneClient(node.as('sos'), tripId, 'sos')
    await until(() => lane.error)
    expect(lane.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_FORBIDDEN })
  })
})

describe('a watched trip', () => {
  it('gives the newest, says that it has caught up, gives what comes, and ends with the trip', async () => {
    const { tripId, driverId } = world.newTrip()
    const now = Date.now()
    await report(tripId, driverId, now - 3_000)
    await report(tripId, driverId, now - 2_000)
    const watch = watchTrip(tripId)
    await until(() => watch.messages.length === 1)
    expect(watch.messages[0]).toEqual({
      updates: [position(driverId, now - 2_000)],
      caughtUp: true,
      complete: true,
    })
    await report(tripId, driverId, now - 1_000)
    await until(() => watch.messages.length === 2)
    expect(watch.messages[1]).toEqual({
      updates: [position(driverId, now - 1_000)],
      caughtUp: false,
      complete: false,
    })
    world.directory.end(tripId)
    await until(() => watch.isEnded)
    expect(watch.error).toBeUndefined()
    const again = watchTrip(tripId)
    await until(() => again.isEnded)
    expect(again.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_TRIP_ENDED })
  })

  it('gives first what was missed since the named time', async () => {
    const { tripId, driverId } = world.newTrip()
    const now = Date.now()
    for (const ago of [4_000, 3_000, 2_000, 1_000]) await report(tripId, driverId, now - ago)
    const watch = watchTrip(tripId, now - 3_000)
    await until(() => watch.messages.length === 1)
    expect(watch.messages[0]?.updates.map(({ timestampMs }) => now - timestampMs)).toEqual([2_000, 1_000])
    watch.stop()
  })
})

describe('the fleet', () => {
  /** Far from every other test’s trips. */
  const box = { south: -10.1, west: 20, north: -9.9, east: 20.2 }

  it('is a snapshot of the box, then who moves in it, and who leaves it or ends', async () => {
    const here = world.newTrip()
    const elsewhere = world.newTrip()
    const now = Date.now()
    const at = (lat: number, timestampMs: number) => ({
      lat,
      lng: 20.1,
      accuracy: 1,
      speed: 1,
      heading: 1,
      timestampMs,
    })
    const edge = node.as('edge')
    const report = async ({ tripId, driverId }: typeof here, lat: number, ago: number) =>
      await edge.reportLocation({ tripId, ...at(lat, now - ago) }, asUser(driverId))
    await report(here, -10, 3_000)
    await report(elsewhere, -12, 3_000)
    const watch = new Reader<WatchFleetResponse>((signal) => edge.watchFleet(box, { ...asBackend, signal }))
    await until(() => watch.messages.some(({ caughtUp }) => caughtUp))
    expect(watch.messages.flatMap(({ vehicles }) => vehicles.map(({ tripId }) => tripId))).toEqual([
      here.tripId,
    ])

    await report(here, -10.0005, 1_000)
    const moved = await until(() => watch.messages.slice(2).flatMap(({ vehicles }) => vehicles)[0])
    expect(moved).toMatchObject({ tripId: here.tripId, position: { timestampMs: now - 1_000 } })
    world.directory.end(here.tripId)
    await until(() => watch.messages.flatMap(({ removedTripIds }) => removedTripIds).includes(here.tripId))
    watch.stop()
  })

  it('also holds what only Redis knows, as after the start of a pod', async () => {
    const { tripId, driverId } = world.newTrip()
    const fix = { lat: -10, lng: 20.05, accuracy: 1, speed: 1, heading: 1, timestampMs: Date.now() }
    await node.as('edge').reportLocation({ tripId, ...fix }, asUser(driverId))
    await until(async () => (await world.redis.geopos('active_trips_geo', `trip:${tripId}`))[0])
    await using young = await world.startNode()
    const watch = new Reader<WatchFleetResponse>((signal) =>
      young.as('edge').watchFleet(box, { ...asBackend, signal }),
    )
    await until(() => watch.messages.some(({ caughtUp }) => caughtUp))
    expect(watch.messages.flatMap(({ vehicles }) => vehicles.map((vehicle) => vehicle.tripId))).toContain(
      tripId,
    )
    // A pod that stops says so, and does not end the stream as if the fleet were gone.
    await young[Symbol.asyncDispose]()
    await until(() => watch.isEnded)
    expect(watch.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
  })

  it('are everywhere where no box is given', async () => {
    const { tripId, driverId } = world.newTrip()
    const fix = { lat: 59.3, lng: -18.1, accuracy: 1, speed: 1, heading: 1, timestampMs: Date.now() }
    await node.as('edge').reportLocation({ tripId, ...fix }, asUser(driverId))
    const watch = new Reader<WatchFleetResponse>((signal) =>
      node.as('edge').watchFleet({}, { ...asBackend, signal }),
    )
    await until(() => watch.messages.some(({ vehicles }) => vehicles.some((one) => one.tripId === tripId)))
    watch.stop()
  })

  it('refuses a box that is upside down', async () => {
    const watch = new Reader((signal) =>
      node.as('edge').watchFleet({ ...box, south: 10 }, { ...asBackend, signal }),
    )
    await until(() => watch.isEnded)
    expect(watch.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_INVALID_REQUEST })
  })
})

describe('drivers nearby', () => {
  it('come nearest first, within the radius, and without those whose trip has ended', async () => {
    const edge = node.as('edge')
    const trips = [world.newTrip(), world.newTrip(), world.newTrip(), world.newTrip()]
    const now = Date.now()
    for (const [index, east] of [2_000, 500, 9_000, 100].entries()) {
      const { tripId, driverId } = trips[index] ?? world.newTrip()
      const place = { lat: 0, lng: 40 + east / 111_195, accuracy: 1, speed: 1, heading: 1, timestampMs: now }
      await edge.reportLocation({ tripId, ...place }, asUser(driverId))
    }
    const ended = trips[3]?.tripId ?? ''
    world.directory.end(ended)
    await until(async () => {
      const { drivers } = await edge.findNearby({ lat: 0, lng: 40, radiusM: 3_000 }, asBackend)
      return drivers.map(({ tripId }) => tripId).join() === [trips[1]?.tripId, trips[0]?.tripId].join()
    })
    const { drivers } = await edge.findNearby({ lat: 0, lng: 40, radiusM: 3_000, driversMax: 1 }, asBackend)
    expect(drivers).toEqual([
      {
        userId: trips[1]?.driverId,
        tripId: trips[1]?.tripId,
        distanceM: expect.closeTo(500, 0),
        lat: 0,
        lng: expect.closeTo(40 + 500 / 111_195, 6),
        timestampMs: now,
      },
    ])
  })
})

describe('a trail', () => {
  it('is cut to the range and the newest, and says so', async () => {
    const { tripId, driverId } = world.newTrip()
    const now = Date.now()
    for (const ago of [5_000, 4_000, 3_000, 2_000, 1_000]) await report(tripId, driverId, now - ago)
    const edge = node.as('edge')
    const timesOf = async (request: object) => {
      const { updates, complete } = await edge.getTrail({ tripId, ...request }, asBackend)
      return { ago: updates.map(({ timestampMs }) => now - timestampMs), complete }
    }
    expect(await timesOf({})).toEqual({ ago: [5_000, 4_000, 3_000, 2_000, 1_000], complete: true })
    expect(await timesOf({ fromMs: now - 4_000, toMs: now - 2_000 })).toEqual({
      ago: [4_000, 3_000, 2_000],
      complete: true,
    })
    expect(await timesOf({ updatesMax: 2 })).toEqual({ ago: [2_000, 1_000], complete: false })
    expect(await reasonOf(edge.getTrail({ tripId, fromMs: now, toMs: now - 1 }, asBackend))).toBe(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
    )
  })
})

describe('the operations port', () => {
  it('is ready, and shows what became of positions', async () => {
    expect((await fetch(`http://127.0.0.1:${node.location.opsPort}/readyz`)).status).toBe(200)
    const metrics = await node.metrics()
    expect(metrics).toMatch(/hushryd_location_fixes_total\{[^}]*outcome="accepted"[^}]*\} [1-9]/)
    expect(metrics).toMatch(/hushryd_location_refusals_total\{[^}]*reason="TRIP_ENDED"[^}]*\} [1-9]/)
  })
})
