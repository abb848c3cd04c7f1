import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { ErrorReason } from '@hushryd/gen/hushryd/error/v1/error.ts'
import { ConnectRequest, ConnectResponse, Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LaneDownCodec, LaneUpCodec } from './lane-codec.ts'
import { type NewReport, ReportBlock, reportOf } from './report-block.ts'
import { binaryFrame } from './ws-frame.ts'

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/)
const time = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const double = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN))
const report: fc.Arbitrary<NewReport> = fc.record({
  location: fc.record({
    tripId: id,
    lat: double,
    lng: double,
    accuracy: double,
    speed: double,
    heading: double,
    timestampMs: fc.oneof(time, fc.integer({ min: -(2 ** 52), max: 1 })),
  }),
  userId: id,
  connection: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  receivedMs: time,
  frameId: fc.oneof(fc.constant(''), fc.string({ maxLength: 64, unit: 'binary' })),
})
const head: ConnectRequest = {
  hello: undefined,
  seq: 7,
  reports: [],
  backfill: [],
  joins: [],
  leftTripIds: ['left'],
  syncs: [],
}

function blockOf(reports: readonly NewReport[]): ReportBlock {
  const block = new ReportBlock()
  for (const each of reports) block.add(each)
  return block
}

/** As they come out of ts-proto. */
function sent(reports: readonly NewReport[]): Report[] {
  return reports.map((each) => Report.decode(Report.encode(reportOf(each)).finish()))
}

describe('a message up', () => {
  it('is the bytes that ts-proto writes, its reports as live ones or as backfill', () => {
    fc.assert(
      fc.property(fc.array(report, { maxLength: 40 }), fc.boolean(), (reports, isBackfill) => {
        const block = blockOf(reports)
        if (isBackfill) block.turnToBackfill()
        const bytes = LaneUpCodec.encode({ head, reports: block }).finish()
        const all = reports.map(reportOf)
        const fields = isBackfill ? { backfill: all } : { reports: all }
        const expected = Buffer.concat([
          ConnectRequest.encode(head).finish(),
          ConnectRequest.encode({ ...head, seq: 0, leftTripIds: [], ...fields }).finish(),
        ])
        expect(Buffer.compare(bytes, expected)).toBe(0)
      }),
    )
  })

  it('keeps of a block what is to be kept, in its order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(report, fc.boolean()), { maxLength: 40 }), (given) => {
        const block = blockOf(given.map(([each]) => each))
        let index = 0
        block.filter(() => given[index++]?.[1] === true)
        const kept = given.filter(([, isKept]) => isKept).map(([each]) => each)
        expect([block.count, [...block.reports()]]).toEqual([kept.length, sent(kept)])
      }),
    )
  })
})

describe('a message down', () => {
  const position = fc.record({ tripId: id, userId: id, timestampMs: time, more: fc.nat(300) })

  it('is read as ts-proto reads it, its positions ready for the sockets', () => {
    fc.assert(
      fc.property(fc.array(position, { maxLength: 20 }), fc.nat(), (positions, ackedSeq) => {
        const trips = positions.map(({ tripId, userId, timestampMs, more }) => {
          const update = { userId, lat: 1, lng: 2, accuracy: 0, speed: 0, heading: 0, timestampMs }
          // Frames of every length of header.
          const value = { tripId: tripId.padEnd(more, 'x'), updates: [update] }
          const frame = ServerFrame.encode({ id: '', frame: { $case: 'trip', value } }).finish()
          return { tripId, userId, timestampMs, frame: Buffer.from(frame) }
        })
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
        const down = LaneDownCodec.decode(ConnectResponse.encode({ ...rest, trips }).finish())
        expect(down.rest).toEqual(
          ConnectResponse.decode(ConnectResponse.encode({ ...rest, trips: [] }).finish()),
        )
        expect(down.positionCount).toBe(trips.length)
        trips.forEach(({ frame, ...named }, index) => {
          expect(down.positionAt(index)).toEqual({ ...named, binary: binaryFrame(frame), json: undefined })
        })
      }),
    )
  })

  it('of any bytes at all is read as something or refused, and never runs on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const down = LaneDownCodec.decode(bytes)
          for (let index = 0; index < down.positionCount; index += 1) down.positionAt(index)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})
