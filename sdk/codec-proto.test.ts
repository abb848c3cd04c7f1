import { readFileSync } from 'node:fs'
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  equals,
  fromBinary,
  fromJson,
  type JsonValue,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ClientFrame, ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { GetTrailRequest } from '@hushryd/gen/hushryd/location/v1/location.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'
import { protoCodec } from './codec-proto.ts'
import { MESSAGES } from './generated/tables.ts'
import { decodeMessage, encodeMessage, type Message } from './message-codec.ts'
import { readStruct, writeStruct } from './struct-codec.ts'
import { encodeUtf8, WireReader, WireWriter } from './wire.ts'

const descriptors = fromBinary(
  FileDescriptorSetSchema,
  readFileSync(new URL('../gen/descriptors.binpb', import.meta.url)),
)
const registry = createFileRegistry(descriptors)

function descOf(name: string): DescMessage {
  const [area, rest = ''] = name.split('.')
  const desc = registry.getMessage(`hushryd.${area}.v1.${rest}`)
  if (desc === undefined) throw new Error(`the contract has no ${name}`)
  return desc
}

/** JSON has no negative zero. */
const json = fc.jsonValue({ maxDepth: 3 }).map((value): JsonValue => JSON.parse(JSON.stringify(value)))
const jsonObject = fc
  .dictionary(fc.string({ unit: 'binary' }), json, { maxKeys: 4 })
  .map((value): Record<string, JsonValue> => JSON.parse(JSON.stringify(value)))
const wellFormed = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text.isWellFormed())
const double = fc.double({ noNaN: true, noDefaultInfinity: true })

/** Anything that protobuf's JSON mapping allows; fields that may be absent are, at times. */
function anyMessage(desc: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  if (desc.typeName === 'google.protobuf.Struct') return jsonObject
  const fields = desc.fields.map((field) => {
    const isAlwaysThere =
      field.fieldKind === 'list' ||
      field.fieldKind === 'map' ||
      (field.message === undefined && field.oneof === undefined)
    const value = anyField(field)
    return [field, isAlwaysThere ? value : fc.option(value, { nil: undefined })] as const
  })
  return fc
    .record(Object.fromEntries(fields.map(([field, value]) => [field.jsonName, value])))
    .map((message) => onePerOneof(desc, message))
}

function onePerOneof(desc: DescMessage, message: Record<string, unknown>): Record<string, unknown> {
  const taken = new Set<string>()
  const kept = desc.fields.filter(({ oneof, jsonName }) => {
    if (message[jsonName] === undefined || (oneof !== undefined && taken.has(oneof.name))) return false
    if (oneof !== undefined) taken.add(oneof.name)
    return true
  })
  return Object.fromEntries(kept.map(({ jsonName }) => [jsonName, message[jsonName]]))
}

function anyField(field: DescField): fc.Arbitrary<unknown> {
  const element =
    field.enum !== undefined
      ? fc.constantFrom(...field.enum.values.map(({ name }) => name))
      : field.message !== undefined
        ? anyMessage(field.message)
        : anyScalar(field.scalar)
  if (field.fieldKind === 'list') return fc.array(element, { maxLength: 3 })
  return field.fieldKind === 'map' ? fc.dictionary(wellFormed, element, { maxKeys: 3 }) : element
}

function anyScalar(scalar: ScalarType | undefined): fc.Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.DOUBLE:
      return double
    case ScalarType.BOOL:
      return fc.boolean()
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'))
    case ScalarType.INT32:
      return fc.integer()
    case ScalarType.UINT32:
      return fc.nat()
    case ScalarType.INT64:
      return fc.maxSafeInteger()
    case ScalarType.UINT64:
      return fc.maxSafeNat()
    default:
      return wellFormed
  }
}

/** Frames carry a call's message as bytes that are not base64 here. */
const PAYLOAD_HOLDERS = new Set(['edge.CallFrame', 'edge.ClientFrame', 'edge.ServerFrame'])

test.each(Object.keys(MESSAGES).filter((name) => !PAYLOAD_HOLDERS.has(name)))(
  '%s is written and read as protobuf’s own library does',
  (name) => {
    const desc = descOf(name)
    fc.assert(
      fc.property(anyMessage(desc), (message) => {
        const known = fromJson(desc, message as JsonValue)
        expect(equals(desc, fromBinary(desc, encodeMessage(name, message)), known)).toBe(true)
        expect(decodeMessage(name, toBinary(desc, known))).toEqual(message)
      }),
      { numRuns: 30 },
    )
  },
)

test('a call’s frame is what the edge reads, with the request as bytes inside', () => {
  const request = protoCodec.encodePayload('location.GetTrailRequest', {
    tripId: 'T',
    fromMs: 1_700_000_000_000,
  })
  const frame = protoCodec.encode({ id: 'c1', call: { method: 'm', request, timeoutMs: 5 } })
  const { id, frame: read } = ClientFrame.decode(frame as Uint8Array)
  if (read?.$case !== 'call') throw new Error('no call')
  expect([id, read.value.method, read.value.timeoutMs]).toEqual(['c1', 'm', 5])
  expect(GetTrailRequest.decode(read.value.request)).toMatchObject({ tripId: 'T', fromMs: 1_700_000_000_000 })
})

test('every kind of client frame without a payload is what the edge reads', () => {
  const location = { tripId: 'T', lat: 1.5, lng: -2, accuracy: 0, speed: 3, heading: 0, timestampMs: 9 }
  const frames = {
    join: { tripId: 'T', sinceMs: 5 },
    leave: { tripId: 'T' },
    location,
    locations: { updates: [location] },
    cancel: {},
    ping: {},
  }
  for (const [kind, value] of Object.entries(frames)) {
    const read = ClientFrame.decode(protoCodec.encode({ id: 'x', [kind]: value }) as Uint8Array)
    expect(read).toEqual({ id: 'x', frame: { $case: kind, value } })
  }
})

test('what the edge sends is read: positions, events, results', () => {
  const position = {
    userId: 'asha',
    lat: 17.4,
    lng: 78.5,
    accuracy: 5,
    speed: 0,
    heading: 90,
    timestampMs: 1_700_000_000_000,
  }
  const read = (frame: ServerFrame) =>
    protoCodec.decode(new Uint8Array(ServerFrame.encode(frame).finish()).buffer)
  expect(read({ id: '', frame: { $case: 'trip', value: { tripId: 'T', updates: [position] } } })).toEqual({
    id: '',
    trip: { tripId: 'T', updates: [position] },
  })
  const data = { a: [1, 'two', null, { b: true }] }
  expect(read({ id: '', frame: { $case: 'event', value: { type: 'x', tripId: '', data } } })).toEqual({
    id: '',
    event: { type: 'x', tripId: '', data },
  })
  const result = Buffer.from(
    GetTrailRequest.encode({ tripId: 'T', fromMs: 0, toMs: 0, updatesMax: 0 }).finish(),
  )
  const { result: payload } = read({ id: 'c1', frame: { $case: 'result', value: result } })
  expect(protoCodec.decodePayload('location.GetTrailRequest', payload)).toMatchObject({ tripId: 'T' })
})

test('any bytes are read or refused, and never read for ever', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeMessage('edge.ServerFrame', bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('fields and enum values of a newer contract are passed over', () => {
  const writer = new WireWriter()
  writer.tag(99, 2)
  writer.string('new')
  writer.tag(98, 1)
  writer.double(1)
  writer.tag(1, 2)
  writer.string('A')
  writer.tag(2, 0)
  writer.varint(77)
  expect(decodeMessage('sos.TriggerSosResponse', writer.finish())).toMatchObject({ alertId: 'A', status: 77 })
})

test('any JSON is carried by a Struct, also under a key such as __proto__', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(readStruct('Value', writeStruct('Value', value))).toEqual(value)
    }),
  )
  const odd: unknown = JSON.parse('{"__proto__":{"a":1}}')
  expect(JSON.stringify(readStruct('Struct', writeStruct('Struct', odd)))).toBe('{"__proto__":{"a":1}}')
})

test('text and bytes are encoded as Node does', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, bytes) => {
      expect([...encodeUtf8(text)]).toEqual([...new TextEncoder().encode(text)])
      const writer = new WireWriter()
      writer.string(text)
      expect(new WireReader(writer.finish()).string()).toBe(text.toWellFormed())
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      expect([...fromBase64(Buffer.from(bytes).toString('base64url'))]).toEqual([...bytes])
    }),
  )
})

test('a request of the wrong kind is refused where it is written', () => {
  const write = (request: Message) => () => encodeMessage('location.GetTrailRequest', request)
  expect(write({ fromMs: 1.5 })).toThrow(TypeError)
  expect(() => encodeMessage('docs.ListDocumentsRequest', { state: 'ASLEEP' })).toThrow(TypeError)
})
