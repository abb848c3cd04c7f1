import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binaryFrame, payloadOf } from '../ws-frame.ts'
import { binaryCodec } from './binary-codec.ts'
import { generalMessage, generalText, jsonCodec, tripText } from './json-codec.ts'

const idText = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,20}$/)
const anyNumber = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())
const odd = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.constant('1.5'), fc.double())

/** Mostly right, sometimes with a field of another kind, missing or unknown. */
const location = fc.record(
  {
    tripId: fc.oneof({ weight: 9, arbitrary: idText }, odd),
    lat: fc.oneof({ weight: 9, arbitrary: anyNumber }, odd),
    lng: anyNumber,
    accuracy: anyNumber,
    speed: fc.oneof({ weight: 9, arbitrary: anyNumber }, odd),
    heading: anyNumber,
    timestampMs: fc.oneof({ weight: 9, arbitrary: fc.maxSafeInteger() }, odd),
    battery: anyNumber,
  },
  { requiredKeys: [] },
)

describe('the JSON subprotocol', () => {
  it('reads a position by its fast way as protobuf’s own mapping does', () => {
    fc.assert(
      fc.property(location, fc.option(idText, { nil: undefined }), (value, id) => {
        const json = JSON.parse(JSON.stringify({ ...(id === undefined ? {} : { id }), location: value }))
        const read = jsonCodec.decode(Buffer.from(JSON.stringify(json)))
        const general = generalMessage(json)
        if (general.kind === 'invalid') expect(read.kind).toBe('invalid')
        else if (read.kind !== 'invalid') expect(read).toEqual(general)
        else expect(read.error.message).toMatch(/tripId/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('writes positions by its fast way as by the general one', () => {
    const position = fc.record({
      userId: fc.string(),
      lat: fc.double(),
      lng: fc.double(),
      accuracy: fc.double(),
      speed: anyNumber,
      heading: anyNumber,
      timestampMs: fc.maxSafeNat(),
    })
    fc.assert(
      fc.property(fc.string(), fc.array(position, { maxLength: 3 }), (tripId, updates) => {
        const frame: ServerFrame = { id: '', frame: { $case: 'trip', value: { tripId, updates } } }
        expect(JSON.parse(tripText(frame))).toEqual(JSON.parse(generalText(frame)))
      }),
      { numRuns: 2_000 },
    )
  })

  it('writes defaults, and 64-bit numbers as numbers', () => {
    const value = { reason: 'DRAIN', reconnectAfterMs: 0 }
    const text = String(payloadOf(jsonCodec.encode({ id: '', frame: { $case: 'goAway', value } })))
    expect(JSON.parse(text)).toEqual({ goAway: { reason: 'DRAIN', reconnectAfterMs: 0 } })
    const latest = { userId: 'u', lat: 0, lng: 0, accuracy: 0, speed: 0, heading: 0, timestampMs: 0 }
    const joined = { tripId: 't', latest, missed: [], complete: false }
    const frame = jsonCodec.encode({ id: '1', frame: { $case: 'joined', value: joined } })
    expect(JSON.parse(String(payloadOf(frame)))).toEqual({ id: '1', joined })
  })

  it('takes 64-bit numbers as numbers and as texts, and ignores fields that it does not know', () => {
    for (const sinceMs of [1700000000000, '1700000000000']) {
      const frame = { id: '1', join: { tripId: 't', sinceMs, later: 1 }, new: { a: [] } }
      expect(jsonCodec.decode(Buffer.from(JSON.stringify(frame)))).toEqual({
        kind: 'join',
        id: '1',
        tripId: 't',
        sinceMs: 1700000000000,
      })
    }
  })
})

describe('an offline buffer in JSON', () => {
  it('keeps its good positions where others lack coordinates or a trip', () => {
    const updates = [
      { tripId: 't', lat: 1, lng: 2 },
      { tripId: 't', lat: 1 },
      { tripId: 't', lat: null, lng: 'east' },
      { lat: 3, lng: 4 },
    ]
    const read = jsonCodec.decode(Buffer.from(JSON.stringify({ id: '1', locations: { updates } })))
    if (read.kind !== 'locations') throw new Error(`read as ${read.kind}`)
    expect(read.updates.map(({ tripId, lat, lng }) => [tripId, lat, lng])).toEqual([
      ['t', 1, 2],
      ['t', Number.NaN, Number.NaN],
      ['t', Number.NaN, Number.NaN],
      ['', 3, 4],
    ])
  })
})

describe('both subprotocols', () => {
  it('give a trip’s frame the same content', () => {
    const update = {
      userId: 'u',
      lat: 1.5,
      lng: -2,
      accuracy: 5,
      speed: 8.25,
      heading: 90,
      timestampMs: 1_700_000,
    }
    const value = { tripId: 't', updates: [update] }
    const frame = { id: '', frame: { $case: 'trip' as const, value } }
    const binary = binaryFrame(ServerFrame.encode(frame).finish())
    expect(JSON.parse(String(payloadOf(jsonCodec.encodeTrip(binary))))).toEqual({ trip: value })
    expect(binaryCodec.encodeTrip(binary)).toEqual(binaryCodec.encode(frame))
  })
})
