import { ClientFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readLocation } from './location-reader.ts'

const double = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN))
const location = fc.record({
  tripId: fc.oneof(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/), fc.string({ unit: 'binary' })),
  lat: double,
  lng: double,
  accuracy: double,
  speed: double,
  heading: double,
  timestampMs: fc.integer({ min: -(2 ** 53 - 1), max: 2 ** 53 - 1 }),
})
const id = fc.oneof(fc.constant(''), fc.stringMatching(/^[a-z0-9-]{1,20}$/), fc.string({ unit: 'binary' }))

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

it('reads a position as ts-proto reads it, and leaves to that what is more than ASCII', () => {
  fc.assert(
    fc.property(id, location, (id, value) => {
      const bytes = Buffer.from(ClientFrame.encode({ id, frame: { $case: 'location', value } }).finish())
      const expected = ClientFrame.decode(bytes)
      const read = readLocation(bytes)
      if (isAscii(id) && isAscii(value.tripId)) {
        expect(read && { id: read.id, frame: { $case: 'location', value: read.location } }).toEqual(expected)
      } else expect(read).toBeUndefined()
    }),
  )
})

it('of any bytes reads what ts-proto reads, or nothing', () => {
  const field = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    location.map((value) => ClientFrame.encode({ id: '', frame: { $case: 'location', value } }).finish()),
    id.map((id) => ClientFrame.encode({ id, frame: undefined }).finish()),
    fc.constant(ClientFrame.encode({ id: '', frame: { $case: 'ping', value: {} } }).finish()),
  )
  const damaged = fc.tuple(fc.array(field, { maxLength: 3 }), fc.nat(), fc.nat(255), fc.boolean())
  fc.assert(
    fc.property(damaged, ([fields, place, byte, isDamaged]) => {
      const bytes = Buffer.concat(fields)
      if (isDamaged && bytes.length > 0) bytes[place % bytes.length] = byte
      const read = readLocation(bytes)
      if (read === undefined) return
      const expected = ClientFrame.decode(bytes)
      expect({ id: read.id, frame: { $case: 'location', value: read.location } }).toEqual(expected)
    }),
    { numRuns: 5_000 },
  )
})
