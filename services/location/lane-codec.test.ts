import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { ErrorReason } from '@hushryd/gen/hushryd/error/v1/error.ts'
import { ConnectRequest, ConnectResponse, FlushedPositions } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fix } from './fix.ts'
import {
  decodePosition,
  ENTRY_BYTES_MAX,
  encodeFix,
  joinEntries,
  LaneDownCodec,
  LaneUpCodec,
  readEntries,
} from './lane-codec.ts'

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/)
const time = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const double = fc.double({ noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value))
const fix: fc.Arbitrary<Fix> = fc.record({
  userId: id,
  lat: double,
  lng: double,
  accuracy: double,
  speed: double,
  heading: double,
  timestampMs: time,
})
const entry = fc.record({ tripId: id, fix })
type Entry = { readonly tripId: string; readonly fix: Fix }

/** The same by ts-proto. */
function lanePosition({ tripId, fix }: Entry) {
  const frame = ServerFrame.encode({
    id: '',
    frame: { $case: 'trip', value: { tripId, updates: [fix] } },
  }).finish()
  return { tripId, userId: fix.userId, timestampMs: fix.timestampMs, frame: Buffer.from(frame) }
}

function encodeAll(entries: readonly Entry[]) {
  const out = Buffer.alloc(entries.length * ENTRY_BYTES_MAX)
  let at = 0
  return entries.map(({ tripId, fix }) => {
    const encoded = encodeFix(out, at, tripId, fix)
    at = encoded.end
    return encoded
  })
}

describe('positions written by hand', () => {
  it('are the bytes that ts-proto writes', () => {
    fc.assert(
      fc.property(entry, (given) => {
        const out = Buffer.alloc(ENTRY_BYTES_MAX + 3)
        const { start, positionStart, end } = encodeFix(out, 3, given.tripId, given.fix)
        const expected = FlushedPositions.encode({ partition: 0, trips: [lanePosition(given)], archived: [] })
        expect(out.subarray(start, end).equals(expected.finish())).toBe(true)
        expect(out.subarray(positionStart, end).equals(Position.encode(given.fix).finish())).toBe(true)
      }),
    )
  })

  it('read back as what they were', () => {
    fc.assert(
      fc.property(fix, (given) => {
        expect(decodePosition(Position.encode(given).finish())).toEqual(given)
      }),
    )
  })

  it('make a message down that ts-proto reads, beside its other fields', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), time, (entries, ackedSeq) => {
        const rest = {
          ackedSeq,
          joined: [],
          synced: [{ ref: 1, accepted: 2, rejected: [], error: undefined }],
          refusals: [
            {
              connection: 3,
              frameId: 'f',
              error: { reason: ErrorReason.ERROR_REASON_TRIP_ENDED, message: 'm', retryAfterMs: 0 },
            },
          ],
          endedTripIds: ['t'],
        }
        const bytes = LaneDownCodec.encode({ ...rest, entries: encodeAll(entries) }).finish()
        const read = ConnectResponse.decode(bytes)
        expect(ConnectResponse.encode(read).finish()).toEqual(
          ConnectResponse.encode({ ...rest, trips: entries.map(lanePosition) }).finish(),
        )
      }),
    )
  })
})

describe('messages up', () => {
  const report = fc.record({
    tripId: id,
    position: fc.option(fix, { nil: undefined }),
    connection: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    receivedMs: fc.integer({ min: -1000, max: Number.MAX_SAFE_INTEGER }),
    frameId: fc.string({ maxLength: 20, unit: 'binary' }),
  })
  const request = fc.record({
    hello: fc.option(fc.record({ edgeId: id, partition: fc.nat(16), epochMs: time }), { nil: undefined }),
    seq: fc.nat(),
    reports: fc.array(report, { maxLength: 10 }),
    backfill: fc.array(report, { maxLength: 5 }),
    joins: fc.array(
      fc.record({
        ref: fc.nat(),
        tripId: id,
        sinceMs: fc.nat(),
        userId: id,
        role: fc.constantFrom('driver', 'viewer'),
        scope: fc.constant(''),
        rejoin: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    leftTripIds: fc.array(id, { maxLength: 3 }),
    syncs: fc.array(fc.record({ ref: fc.nat(), userId: id, reports: fc.array(report, { maxLength: 3 }) }), {
      maxLength: 2,
    }),
  })

  it('read as ts-proto reads them', () => {
    fc.assert(
      fc.property(request, (given) => {
        const bytes = ConnectRequest.encode(given).finish()
        expect(LaneUpCodec.decode(bytes)).toEqual(ConnectRequest.decode(bytes))
      }),
    )
  })

  it('of any bytes at all read as something or throw, and never run on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const read of [
          LaneUpCodec.decode,
          decodePosition,
          (input: Uint8Array) =>
            readEntries(
              input,
              () => true,
              () => undefined,
            ),
        ]) {
          try {
            read(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      }),
    )
  })
})

describe('another pod’s flush', () => {
  it('gives the wanted trips’ entries, ready to be sent on unchanged', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 20 }),
        fc.array(fix, { maxLength: 5 }),
        (entries, archived) => {
          const head = FlushedPositions.encode({
            partition: 3,
            trips: [],
            archived: archived.map((position) => ({ tripId: 'other', position, suspect: true })),
          }).finish()
          const message = joinEntries(head, encodeAll(entries))
          const wanted = new Set(entries.filter((_, index) => index % 2 === 0).map(({ tripId }) => tripId))
          const read: { tripId: string; position: Fix; again: Buffer }[] = []
          readEntries(
            message,
            (tripId) => wanted.has(tripId),
            ({ tripId, position, encoded }) => {
              const again = joinEntries(new Uint8Array(), [encoded])
              read.push({ tripId, position, again })
              expect(encoded.timestampMs).toBe(position.timestampMs)
            },
          )
          const expected = entries.filter(({ tripId }) => wanted.has(tripId))
          expect(read.map(({ tripId, position }) => ({ tripId, fix: position }))).toEqual(expected)
          for (const [index, { again }] of read.entries()) {
            const trips = expected.slice(index, index + 1).map(lanePosition)
            expect(again).toEqual(
              Buffer.from(FlushedPositions.encode({ partition: 0, trips, archived: [] }).finish()),
            )
          }
        },
      ),
    )
  })
})
