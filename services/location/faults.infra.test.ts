/**
 * Invariant: positions reach followers on their own pod whatever is away, and
 * nothing that was acknowledged is lost to the trail or the history.
 * Method: faulty proxies between one pod and its stores.
 */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { EVENT_SUBJECT_PREFIX } from '@hushryd/kernel/event-log.ts'
import { PARTITIONS_DEFAULT, partitionOf } from '@hushryd/kernel/partition.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { jetstream } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readHistoryFixes } from './history-fixes.ts'
import { LOCATION_STREAM, partitionSubject } from './location-stream.ts'
import { LaneClient } from './testing/lane-client.ts'
import { type LocationNode, openWorld, position, type TestWorld, testUrl } from './testing/location-node.ts'

let world: TestWorld
let natsProxy: FaultyProxy
let redisProxy: FaultyProxy
let node: LocationNode
let edges = 0

beforeAll(async () => {
  world = await openWorld(3)
  natsProxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  redisProxy = await startFaultyProxy({ target: testUrl('TEST_REDIS_URL') })
  node = await world.startNode({
    NATS_URL: natsProxy.url('nats'),
    REDIS_URL: `${redisProxy.url('redis')}/3`,
    LOCATION_STALE_AFTER_MS: '1000',
    LOCATION_STALE_SWEEP_MS: '100',
  })
})

afterEach(() => {
  natsProxy.heal()
  redisProxy.heal()
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await natsProxy[Symbol.asyncDispose]()
  await redisProxy[Symbol.asyncDispose]()
  await world.redis.flushdb()
  await world[Symbol.asyncDispose]()
})

function open(tripId: string, pod = node): LaneClient {
  return new LaneClient(pod.as('edge'), tripId, `edge-${++edges}`)
}

function timesAt(lane: LaneClient, tripId: string): number[] {
  return lane.positions(tripId).map(({ timestampMs }) => timestampMs)
}

/** The trip's times in the stream, as the history reads them, until they are what is expected. */
async function awaitInStream(tripId: string, expected: readonly number[]): Promise<void> {
  const subject = partitionSubject(partitionOf(tripId, PARTITIONS_DEFAULT))
  const consumer = await jetstream(world.nats).consumers.get(LOCATION_STREAM, { filter_subjects: subject })
  const times = new Set<number>()
  await until(
    async () => {
      const messages = await consumer.fetch({ max_messages: 1_000, expires: 1_000 })
      for await (const message of messages) {
        for (const { tripId: of, fix } of readHistoryFixes(message.data))
          if (of === tripId) times.add(fix.timestampMs)
      }
      return expected.every((time) => times.has(time))
    },
    { timeoutMs: 15_000, what: 'all positions in the stream' },
  )
  expect([...times].sort((a, b) => a - b)).toEqual(expected)
}

async function reportEach(
  lane: LaneClient,
  tripId: string,
  driverId: string,
  times: readonly number[],
): Promise<void> {
  for (const time of times) {
    await lane.acked(lane.report(tripId, position(driverId, time)))
    await until(() => timesAt(lane, tripId).at(-1) === time, { what: 'the position at its follower' })
  }
}

describe('while NATS is away', () => {
  for (const fault of ['cut', 'stall'] as const) {
    it(`positions flow within the pod (${fault}), and the history gets them afterwards`, async () => {
      const { tripId, driverId } = world.newTrip()
      await using lane = open(tripId)
      await lane.join(tripId)
      const now = Date.now()
      const times = [1, 2, 3, 4].map((second) => now - 10_000 + second * 1_000)
      await reportEach(lane, tripId, driverId, times.slice(0, 1))
      natsProxy[fault]()
      await reportEach(lane, tripId, driverId, times.slice(1))
      natsProxy.heal()
      await awaitInStream(tripId, times)
    })
  }

  it('a trip that ended meanwhile ends for its followers soon after', async () => {
    const { tripId } = world.newTrip()
    await using lane = open(tripId)
    await lane.join(tripId)
    natsProxy.cut()
    world.directory.end(tripId)
    await world.nats.flush()
    natsProxy.heal()
    await until(() => lane.endedTripIds.includes(tripId), { timeoutMs: 15_000, what: 'the end of the trip' })
  })
})

describe('while Redis is away', () => {
  for (const fault of ['cut', 'stall'] as const) {
    it(`positions flow, older ones never replace newer ones (${fault}), and Redis has the latest afterwards`, async () => {
      const { tripId, driverId } = world.newTrip()
      await using lane = open(tripId)
      await lane.join(tripId)
      const begin = Date.now() - 10_000
      await reportEach(lane, tripId, driverId, [begin + 1_000, begin + 2_000])
      redisProxy[fault]()
      await reportEach(lane, tripId, driverId, [begin + 3_000])
      await lane.acked(lane.report(tripId, position(driverId, begin + 500)))
      await reportEach(lane, tripId, driverId, [begin + 4_000])
      const offsets = timesAt(lane, tripId).map((time) => time - begin)
      expect(offsets).toEqual([1_000, 2_000, 3_000, 4_000])
      // Memory answers what it can: those who ask for the latest, and those who join.
      expect(await node.as('sos').getLatestLocation({ tripId })).toMatchObject({ timestampMs: begin + 4_000 })
      expect(await lane.join(tripId, { sinceMs: begin })).toMatchObject({
        latest: { timestampMs: begin + 4_000 },
        complete: false,
      })
      redisProxy.heal()
      let next = begin + 5_000
      await until(
        async () => {
          await reportEach(lane, tripId, driverId, [next])
          const held = await world.redis.hget(`location:{${tripId}}`, driverId)
          const isStored = held?.startsWith(`${next}|`)
          next += 10
          return isStored
        },
        { timeoutMs: 15_000, what: 'the latest in Redis' },
      )
    })
  }

  it('and when it comes back empty, without its scripts, positions are stored again', async () => {
    const { tripId, driverId } = world.newTrip()
    await using lane = open(tripId)
    await lane.join(tripId)
    const now = Date.now()
    await reportEach(lane, tripId, driverId, [now - 3_000])
    await world.redis.flushdb()
    await world.redis.script('FLUSH')
    await reportEach(lane, tripId, driverId, [now - 2_000])
    expect(await world.redis.hget(`location:{${tripId}}`, driverId)).toMatch(new RegExp(`^${now - 2_000}\\|`))
    expect(await world.redis.pttl(`location:{${tripId}}`)).toBeGreaterThan(0)
    expect(await world.redis.pttl(`location_stream:{${tripId}}`)).toBeGreaterThan(0)
  })
})

describe('a driver who falls silent', () => {
  async function listen(tripId: string): Promise<PushEvent[]> {
    const heard: PushEvent[] = []
    world.nats.subscribe(`push.trip.${tripId}`, {
      callback: (_error, message) => {
        const event = PushEvent.decode(message.data)
        if (event.type === 'trip.stale') heard.push(event)
      },
    })
    await world.nats.flush()
    return heard
  }

  /** What operations' log was sent of the trip. */
  async function listenToLog(tripId: string): Promise<Event[]> {
    const logged: Event[] = []
    world.nats.subscribe(`${EVENT_SUBJECT_PREFIX}trip.stale`, {
      callback: (_error, message) => {
        const event = Event.decode(message.data)
        if (event.tripId === tripId) logged.push(event)
      },
    })
    await world.nats.flush()
    return logged
  }

  it('is told of once a silence, by one pod of several', async () => {
    await using second = await world.startNode({
      LOCATION_STALE_AFTER_MS: '1000',
      LOCATION_STALE_SWEEP_MS: '100',
    })
    const { tripId, driverId } = world.newTrip()
    const heard = await listen(tripId)
    const logged = await listenToLog(tripId)
    await using lane = open(tripId)
    await lane.join(tripId)
    await reportEach(lane, tripId, driverId, [Date.now()])
    await until(() => heard.length > 0, { what: 'the event' })
    expect(heard[0]).toMatchObject({ type: 'trip.stale', tripId, tripEnded: false })
    const { lastSeenMs, silentMs } = heard[0]?.data ?? {}
    expect(silentMs).toBeGreaterThanOrEqual(1_000)
    expect(Math.abs(Date.now() - lastSeenMs - silentMs)).toBeLessThan(5_000)
    // Another trip's silence passes through the same sweeps meanwhile, so several have looked at this one.
    const other = world.newTrip()
    const heardOfOther = await listen(other.tripId)
    await until(() => heardOfOther.length === 1, { what: 'the event of a driver who never spoke' })
    expect(heard).toHaveLength(1)
    await reportEach(lane, tripId, driverId, [Date.now()])
    await until(() => heard.length === 2, { what: 'the event of the next silence' })
    // The log has each before the trip's people hear of it.
    expect(logged).toHaveLength(2)
    expect(logged[0]).toMatchObject({
      type: 'trip.stale',
      source: 'location',
      data: { lastSeenMs, silentMs },
    })
    expect(new Set(logged.map(({ eventId }) => eventId)).size).toBe(2)
    expect(second.location.port).toBeGreaterThan(0)
  })

  it('is not told of once the trip has ended', async () => {
    const { tripId, driverId } = world.newTrip()
    const heard = await listen(tripId)
    await using lane = open(tripId)
    await lane.join(tripId)
    await reportEach(lane, tripId, driverId, [Date.now()])
    world.directory.end(tripId)
    const other = world.newTrip()
    const heardOfOther = await listen(other.tripId)
    await until(() => heardOfOther.length === 1)
    expect(heard).toEqual([])
    // Also where a pod that has not heard of the end puts the trip back.
    await world.redis.zadd('location_activity', Date.now() - 60_000, tripId)
    await until(async () => (await world.redis.zscore('location_activity', tripId)) === null)
    expect(heard).toEqual([])
  })
})
