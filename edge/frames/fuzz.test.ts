import { ClientFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ID_CHARS_MAX } from '../limits.ts'
import { binaryCodec } from './binary-codec.ts'
import type { ClientMessage, FrameCodec } from './codec.ts'
import { jsonCodec } from './json-codec.ts'

/** 100,000 frames in all, half of them for each subprotocol. */
const RUNS = 12_500

const KINDS = ['join', 'leave', 'location', 'locations', 'call', 'cancel', 'ping', 'invalid']

/** Never throws, and what it gives is something that the edge can act on. */
function check(codec: FrameCodec, data: Uint8Array | string): ClientMessage {
  const message = codec.decode(Buffer.from(data as string))
  expect(KINDS).toContain(message.kind)
  expect(message.id.length).toBeLessThanOrEqual(ID_CHARS_MAX)
  return message
}

const name = fc.constantFrom(
  'id',
  'join',
  'leave',
  'location',
  'locations',
  'call',
  'cancel',
  'ping',
  'other',
)
const inner = fc.dictionary(
  fc.constantFrom(
    'tripId',
    'sinceMs',
    'lat',
    'lng',
    'timestampMs',
    'updates',
    'method',
    'request',
    '__proto__',
  ),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 6 },
)
const likely = fc.dictionary(name, fc.oneof(inner, fc.jsonValue({ maxDepth: 1 })), { maxKeys: 4 })

/** A right frame with some bytes changed, cut or added. */
const bent = fc
  .tuple(
    fc.constantFrom(
      { id: '1', frame: { $case: 'join' as const, value: { tripId: 'trip-1', sinceMs: 17_000_000 } } },
      {
        id: '2',
        frame: {
          $case: 'location' as const,
          value: {
            tripId: 't',
            lat: 17.4,
            lng: 78.5,
            accuracy: 5,
            speed: 8,
            heading: 90,
            timestampMs: 1.7e12,
          },
        },
      },
      {
        id: '3',
        frame: { $case: 'call' as const, value: { method: 'a.B/C', request: Buffer.alloc(9), timeoutMs: 1 } },
      },
    ),
    fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }),
    fc.nat(80),
    fc.uint8Array({ maxLength: 12 }),
  )
  .map(([frame, changes, cut, added]) => {
    const bytes = Buffer.from(ClientFrame.encode(frame).finish())
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return Buffer.concat([cut < bytes.length ? bytes.subarray(0, cut) : bytes, added])
  })

const cases: readonly [string, FrameCodec, fc.Arbitrary<Uint8Array | string>][] = [
  ['any text', jsonCodec, fc.string({ maxLength: 200 })],
  ['any bytes', jsonCodec, fc.uint8Array({ maxLength: 100 })],
  ['any JSON', jsonCodec, fc.json({ maxDepth: 3 })],
  ['JSON that is nearly a frame', jsonCodec, likely.map((frame) => JSON.stringify(frame))],
  ['any bytes', binaryCodec, fc.uint8Array({ maxLength: 100 })],
  ['any text', binaryCodec, fc.string({ maxLength: 100 })],
  ['frames with bytes changed, cut or added', binaryCodec, bent],
  [
    'frames in each other',
    binaryCodec,
    bent.map((bytes) => Buffer.concat([Buffer.from([0x2a, bytes.length]), bytes])),
  ],
]

describe('a codec', () => {
  it.each(cases)(
    'takes %s without throwing',
    (_name, codec, data) => {
      fc.assert(
        fc.property(data, (bytes) => void check(codec, bytes)),
        { numRuns: RUNS },
      )
    },
    60_000,
  )
})
