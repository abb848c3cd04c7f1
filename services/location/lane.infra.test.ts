/** Lanes of edges on two pods that share Redis and NATS. */
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LaneClient } from './testing/lane-client.ts'
import {
  type LocationNode,
  onBehalfOf,
  openWorld,
  position,
  type TestWorld,
} from './testing/location-node.ts'

let world: TestWorld
let one: LocationNode
let two: LocationNode
let edges = 0

const asBackend = onBehalfOf({ kind: 'backend' })

beforeAll(async () => {
  world = await openWorld(2)
  ;[one, two] = await Promise.all([world.startNode(), world.startNode()])
})

afterAll(async () => {
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()])
  await world.redis.flushdb()
  await world[Symbol.asyncDispose]()
})

function open(node: LocationNode, tripId: string): LaneClient {
  return new LaneClient(node.as('edge'), tripId, `edge-${++edges}`)
}

function timesAt(lane: LaneClient, tripId: string): number[] {
  return lane.positions(tripId).map(({ timestampMs }) => timestampMs)
}

async function awaitTime(lane: LaneClient, tripId: string, timestampMs: number): Promise<void> {
  await until(() => timesAt(lane, tripId).at(-1) === timestampMs, { what: `the position of ${timestampMs}` })
}

describe('a lane', () => {
  it('carries positions to followers on its own pod and on another', async () => {
    const { tripId, driverId, passengerId } = world.newTrip()
    await using driver = open(one, tripId)
    await using near = open(one, tripId)
    await using far = open(two, tripId)
    const join = { userId: passengerId, role: 'passenger' }
    expect(await near.join(tripId, join)).toMatchObject({
      error: undefined,
      latest: undefined,
      complete: true,
    })
    expect(await far.join(tripId, join)).toMatchObject({ error: undefined })
    const now = Date.now()
    const sent = [3_000, 2_000, 1_000].map((ago, index) => position(driverId, now - ago, index))
    for (const fix of sent) {
      await driver.acked(driver.report(tripId, fix))
      await awaitTime(near, tripId, fix.timestampMs)
      await awaitTime(far, tripId, fix.timestampMs)
    }
    expect(near.positions(tripId)).toEqual(sent)
    expect(far.positions(tripId)).toEqual(sent)
    // An edge gets only what it follows.
    expect(driver.positions(tripId)).toEqual([])
  })

  it('acknowledges a batch only once Redis has its positions', async () => {
    const { tripId, driverId } = world.newTrip()
    await using lane = open(one, tripId)
    const now = Date.now()
    await lane.acked(lane.report(tripId, position(driverId, now)))
    const held = await world.redis.hget(`location:{${tripId}}`, driverId)
    expect(held).toMatch(new RegExp(`^${now}\\|`))
  })

  it('tells the socket, with the frame’s id, why a position was refused', async () => {
    const { tripId, driverId } = world.newTrip()
    await using lane = open(one, tripId)
    const now = Date.now()
    const seq = lane.report(tripId, position(driverId, now + 120_000), position('somebody', now), {
      ...position(driverId, now),
      lat: Number.NaN,
    })
    await lane.acked(seq)
    await until(() => lane.refusals.length === 3)
    expect(lane.refusals.map(({ error }) => error?.reason)).toEqual([
      ErrorReason.ERROR_REASON_POSITION_IN_FUTURE,
      ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE,
      ErrorReason.ERROR_REASON_NOT_THE_DRIVER,
    ])
    expect(lane.refusals[0]).toMatchObject({ connection: 7, frameId: 'f1' })
  })

  it('answers an offline buffer once it is safe, and puts all of it into the trail', async () => {
    const { tripId, driverId } = world.newTrip()
    await using lane = open(one, tripId)
    await using follower = open(two, tripId)
    await follower.join(tripId)
    const now = Date.now()
    const buffered = Array.from({ length: 400 }, (_, index) =>
      position(driverId, now - 400_000 + index * 1_000, index),
    )
    buffered.splice(3, 0, position(driverId, now - 4_000_000))
    const answer = await lane.sync(tripId, driverId, buffered)
    expect(answer).toMatchObject({
      accepted: 400,
      rejected: [{ index: 3, reason: 'POSITION_TOO_OLD' }],
      error: undefined,
    })
    await awaitTime(follower, tripId, now - 1_000)
    expect(follower.positions(tripId)).toHaveLength(1)
    const { updates } = await two.as('edge').getTrail({ tripId }, asBackend)
    expect(updates).toEqual(buffered.filter((_, index) => index !== 3))
    const tooMany = Array.from({ length: 501 }, () => position(driverId, now))
    expect((await lane.sync(tripId, driverId, tooMany)).error).toMatchObject({
      reason: ErrorReason.ERROR_REASON_TOO_LARGE,
    })
  })

  it('is refused for a partition that there is not, and ends where a newer start of its edge connects', async () => {
    const { tripId } = world.newTrip()
    const edgeId = `edge-${++edges}`
    await using old = new LaneClient(one.as('edge'), tripId, edgeId, 1)
    await old.join(tripId)
    await using young = new LaneClient(one.as('edge'), tripId, edgeId, 2)
    await young.join(tripId)
    await until(() => old.error !== undefined)
    await using late = new LaneClient(one.as('edge'), tripId, edgeId, 1)
    await until(() => late.error)
    expect(late.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_INVALID_REQUEST })
    expect(young.error).toBeUndefined()
  })
})

describe('a join', () => {
  it('is refused with its reason', async () => {
    const trip = world.newTrip()
    const other = world.newTrip()
    const over = world.newTrip()
    world.directory.end(over.tripId)
    await using lane = open(one, trip.tripId)
    const reasons: [string, object, ErrorReason][] = [
      [
        trip.tripId,
        { userId: other.passengerId, role: 'passenger' },
        ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
      ],
      [
        trip.tripId,
        { role: 'viewer', scope: `trip:${other.tripId}` },
        ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
      ],
      [trip.tripId, { role: 'king' }, ErrorReason.ERROR_REASON_INVALID_REQUEST],
      [world.newId('none'), {}, ErrorReason.ERROR_REASON_TRIP_NOT_FOUND],
      ['no trip', {}, ErrorReason.ERROR_REASON_TRIP_NOT_FOUND],
      [over.tripId, {}, ErrorReason.ERROR_REASON_TRIP_ENDED],
    ]
    for (const [tripId, join, reason] of reasons) {
      expect((await lane.join(tripId, join)).error?.reason, String(reason)).toBe(reason)
    }
    expect(
      (await lane.join(trip.tripId, { role: 'viewer', scope: `trip:${trip.tripId}` })).error,
    ).toBeUndefined()
  })

  it('brings what was missed and then what comes, without gap or repeat, while the driver goes on', async () => {
    const { tripId, driverId } = world.newTrip()
    await using driver = open(one, tripId)
    const begin = Date.now() - 60_000
    const total = 24
    let joined: Awaited<ReturnType<LaneClient['join']>> | undefined
    await using follower = open(two, tripId)
    for (let index = 0; index < total; index++) {
      await driver.acked(driver.report(tripId, position(driverId, begin + index, index)))
      if (index === 12)
        void follower.join(tripId, { sinceMs: begin + 10 }).then((answer) => (joined = answer))
    }
    const answer = await until(() => joined)
    await awaitTime(follower, tripId, begin + total - 1)
    expect(answer.complete).toBe(true)
    const missed = answer.missed.map(({ timestampMs }) => timestampMs - begin)
    const live = timesAt(follower, tripId)
      .map((ms) => ms - begin)
      .filter((offset) => offset > (missed.at(-1) ?? 0))
    expect([...missed, ...live]).toEqual(Array.from({ length: total - 11 }, (_, index) => index + 11))
  })

  it('again by the edge itself goes on while the directory is away, also on a pod that knows nothing', async () => {
    const { tripId, driverId } = world.newTrip()
    await using driver = open(one, tripId)
    await driver.acked(driver.report(tripId, position(driverId, Date.now() - 2_000)))
    world.directory.isAway = true
    try {
      await using lane = open(two, tripId)
      expect((await lane.join(tripId)).error?.reason).toBe(ErrorReason.ERROR_REASON_UNAVAILABLE)
      expect(await lane.join(tripId, { rejoin: true })).toMatchObject({
        error: undefined,
        latest: { userId: driverId },
      })
      const now = Date.now()
      // Known trips go on: the pod asks the directory for unknown ones only.
      await driver.acked(driver.report(tripId, position(driverId, now)))
      await awaitTime(lane, tripId, now)
    } finally {
      world.directory.isAway = false
    }
  })

  it('that is left gets nothing more', async () => {
    const { tripId, driverId } = world.newTrip()
    await using lane = open(one, tripId)
    await lane.join(tripId)
    const now = Date.now()
    await lane.acked(lane.report(tripId, position(driverId, now - 2_000)))
    await awaitTime(lane, tripId, now - 2_000)
    lane.leave(tripId)
    await lane.acked(lane.report(tripId, position(driverId, now - 1_000)))
    // The acknowledgement comes after the delivery of its own window.
    expect(timesAt(lane, tripId)).toEqual([now - 2_000])
  })
})

describe('newer wins', () => {
  it('over pods: what one has stored, another’s older one never replaces, for anyone', async () => {
    const { tripId, driverId } = world.newTrip()
    await using first = open(one, tripId)
    await using second = open(two, tripId)
    await Promise.all([first.join(tripId), second.join(tripId)])
    const now = Date.now()
    await first.acked(first.report(tripId, position(driverId, now)))
    await second.acked(second.report(tripId, position(driverId, now - 5_000)))
    await second.acked(second.report(tripId, position(driverId, now + 1_000)))
    await awaitTime(first, tripId, now + 1_000)
    await awaitTime(second, tripId, now + 1_000)
    expect(timesAt(first, tripId)).toEqual([now, now + 1_000])
    expect(timesAt(second, tripId)).toEqual([now, now + 1_000])
    expect(await one.as('sos').getLatestLocation({ tripId })).toMatchObject({ timestampMs: now + 1_000 })
  })

  it('where two pods get the same driver’s positions at once, in any order and twice', async () => {
    const { tripId, driverId } = world.newTrip()
    await using first = open(one, tripId)
    await using second = open(two, tripId)
    await Promise.all([first.join(tripId), second.join(tripId)])
    const begin = Date.now() - 10_000
    const total = 200
    for (let index = 0; index < total; index++) {
      const offset = (index * 37) % total
      first.report(tripId, position(driverId, begin + offset))
      second.report(tripId, position(driverId, begin + ((offset * 3) % total)))
    }
    const newest = begin + total
    await first.acked(first.report(tripId, position(driverId, newest)))
    for (const lane of [first, second]) {
      await awaitTime(lane, tripId, newest)
      const times = timesAt(lane, tripId)
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
    }
  })
})

describe('the end of a trip', () => {
  it('closes its rooms on every pod, leaves the index, and refuses what comes after', async () => {
    const { tripId, driverId } = world.newTrip()
    await using first = open(one, tripId)
    await using second = open(two, tripId)
    await Promise.all([first.join(tripId), second.join(tripId)])
    await first.acked(first.report(tripId, position(driverId, Date.now())))
    await until(async () => (await world.redis.geopos('active_trips_geo', `trip:${tripId}`))[0])
    world.directory.end(tripId)
    await until(() => first.endedTripIds.includes(tripId) && second.endedTripIds.includes(tripId))
    await until(async () => {
      const [place] = await world.redis.geopos('active_trips_geo', `trip:${tripId}`)
      return place === null && (await world.redis.zscore('location_activity', tripId)) === null
    })
    first.report(tripId, position(driverId, Date.now()))
    await until(() =>
      first.refusals.some(({ error }) => error?.reason === ErrorReason.ERROR_REASON_TRIP_ENDED),
    )
    expect((await first.join(tripId)).error?.reason).toBe(ErrorReason.ERROR_REASON_TRIP_ENDED)
    expect((await second.join(tripId, { rejoin: true })).error?.reason).toBe(
      ErrorReason.ERROR_REASON_TRIP_ENDED,
    )
  })
})

describe('a pod that dies', () => {
  it('costs nothing that the edge still holds: another takes it as backfill, and followers get the newest', async () => {
    const { tripId, driverId } = world.newTrip()
    const dying = await world.startNode()
    const begin = Date.now() - 10_000
    await using lane = open(dying, tripId)
    await lane.join(tripId)
    await lane.acked(lane.report(tripId, position(driverId, begin, 0)))
    await dying[Symbol.asyncDispose]()
    await until(() => lane.error !== undefined)
    // Its edge goes to another pod with what was not acknowledged, and perhaps with what was.
    await using again = open(two, tripId)
    const sinceMs = begin
    expect(await again.join(tripId, { rejoin: true, sinceMs })).toMatchObject({
      error: undefined,
      complete: true,
    })
    const held = [0, 1, 2, 3].map((index) => position(driverId, begin + index * 1_000, index))
    await again.acked(again.backfill(tripId, ...held))
    await awaitTime(again, tripId, begin + 3_000)
    const { updates } = await one.as('edge').getTrail({ tripId }, asBackend)
    expect(updates).toEqual(held)
  })
})
