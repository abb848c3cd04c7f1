import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { expect, it } from 'vitest'
import type { Fix } from './fix.ts'
import { readTripId } from './fix.ts'
import { Lane } from './lane.ts'
import type { EncodedFix } from './lane-codec.ts'
import { newTrip, personOn } from './trip-state.ts'

function openLane(): Lane {
  return new Lane({ edgeId: 'edge-1', partition: 0, epochMs: 1 })
}

function tripOf(id: string) {
  const tripId = readTripId(id)
  if (tripId === undefined) throw new Error('no id')
  const trip = newTrip(tripId, 16, 0)
  trip.record = { tripId, driverId: 'd', passengerIds: [], status: TripStatus.ACTIVE, version: 1 }
  return trip
}

function encoded(timestampMs: number): EncodedFix {
  return { buffer: Buffer.alloc(0), start: 0, positionStart: 0, end: 0, timestampMs }
}

const FIX: Fix = { userId: 'd', lat: 1, lng: 1, accuracy: 0, speed: 0, heading: 0, timestampMs: 1 }

it('gives an edge that reads slowly the newest position of each person, and no other twice', async () => {
  const lane = openLane()
  const people = ['a', 'b', 'c'].map((id) => personOn(tripOf(id), 'd'))
  for (let ms = 1; ms <= 10_000; ms++) for (const person of people) lane.deliver(person, encoded(ms))
  const times: number[] = []
  while (true) {
    lane.answerSync({ ref: 1, accepted: 0, rejected: [], error: undefined })
    const { entries } = (await lane.next()) ?? { entries: [] }
    if (entries.length === 0) break
    times.push(...entries.map(({ timestampMs }) => timestampMs))
  }
  expect(times.length).toBeLessThan(21_000)
  expect(times.slice(-3)).toEqual([10_000, 10_000, 10_000])
})

it('splits what would not fit into one message', async () => {
  const lane = openLane()
  const missed = Array.from({ length: 3_000 }, () => FIX)
  for (const ref of [1, 2, 3]) {
    lane.answerJoin({ ref, error: undefined, latest: undefined, missed, complete: true })
  }
  const refs: number[][] = []
  for (let count = 0; count < 3; count++) refs.push(((await lane.next())?.joined ?? []).map(({ ref }) => ref))
  expect(refs).toEqual([[1], [2], [3]])
})

it('tells a socket of its refusals up to a bound, and others of theirs', async () => {
  const lane = openLane()
  const report = { tripId: 't', position: FIX, connection: 1, receivedMs: 0, frameId: 'f' }
  for (let count = 0; count < 500; count++) lane.refuse(report, 0, ErrorReason.ERROR_REASON_TRIP_ENDED)
  lane.refuse({ ...report, connection: 2 }, 0, ErrorReason.ERROR_REASON_NOT_THE_DRIVER)
  const refusals = (await lane.next())?.refusals ?? []
  expect(refusals.length).toBeLessThan(500)
  expect(refusals.at(-1)).toMatchObject({
    connection: 2,
    error: { reason: ErrorReason.ERROR_REASON_NOT_THE_DRIVER },
  })
})

it('ends its stream when it is closed, also while it waits', async () => {
  const lane = openLane()
  const next = lane.next()
  lane.close()
  expect(await next).toBeUndefined()
})
