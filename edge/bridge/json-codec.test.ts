import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerToJson, requestToBinary } from './json-codec.ts'
import { longsToNumbers } from './json-numbers.ts'

function messageOf(typeName: string): DescMessage {
  const message = descriptors().registry.getMessage(typeName)
  if (message === undefined) throw new Error(`no message ${typeName}`)
  return message
}

const LONGS = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
])

function scalarArbitrary(scalar: ScalarType | undefined): fc.Arbitrary<JsonValue> {
  switch (scalar) {
    case ScalarType.STRING:
      return fc.string({ unit: 'grapheme' })
    case ScalarType.BOOL:
      return fc.boolean()
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'))
    case ScalarType.DOUBLE:
      return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom('NaN', 'Infinity'))
    case ScalarType.FLOAT:
      return fc.float({ noNaN: true, noDefaultInfinity: true })
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.nat()
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return fc.integer()
    default:
      if (!LONGS.has(scalar ?? ScalarType.BOOL)) throw new Error(`no arbitrary of scalar ${scalar}`)
      return fc.maxSafeNat().chain((number) => fc.constantFrom<JsonValue>(number, String(number)))
  }
}

function valueArbitrary(field: DescField, depth: number): fc.Arbitrary<JsonValue> {
  const { enum: enumeration, message } = field
  if (enumeration !== undefined) return fc.constantFrom(...enumeration.values.map(({ name }) => name))
  if (message === undefined) return scalarArbitrary(field.scalar)
  if (message.typeName === 'google.protobuf.Struct') {
    return fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.boolean(), fc.integer()), { maxKeys: 3 })
  }
  return jsonArbitrary(message, depth + 1)
}

const DEPTH_MAX = 3

/** JSON of any message of the type, each field sometimes absent, by either of its names. */
function jsonArbitrary(message: DescMessage, depth = 0): fc.Arbitrary<JsonValue> {
  const oneofs = new Set<string>()
  const fields = message.fields.filter((field) => {
    if (field.message !== undefined && depth >= DEPTH_MAX) return false
    // One of each oneof, since only one may be given.
    if (field.oneof === undefined) return true
    if (oneofs.has(field.oneof.name)) return false
    oneofs.add(field.oneof.name)
    return true
  })
  const entries = fields.map((field) => {
    const one = valueArbitrary(field, depth)
    const value: fc.Arbitrary<JsonValue> =
      field.fieldKind === 'list'
        ? fc.array(one, { maxLength: 3 })
        : field.fieldKind === 'map'
          ? fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), one, { maxKeys: 2 })
          : one
    return fc.record({ name: fc.constantFrom(field.name, field.jsonName), value, isGiven: fc.boolean() })
  })
  return fc
    .tuple(...entries)
    .map((given) =>
      Object.fromEntries(given.filter(({ isGiven }) => isGiven).map(({ name, value }) => [name, value])),
    )
}

/** Independent of the code under test: by protobuf's own rules for where 64-bit fields are. */
function expectLongsAreNumbers(message: DescMessage, json: JsonValue | undefined): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return
  if (message.typeName.startsWith('google.protobuf.')) return
  for (const field of message.fields) {
    const value = json[field.jsonName]
    const values = Array.isArray(value)
      ? value
      : field.fieldKind === 'map'
        ? Object.values(value ?? {})
        : [value]
    for (const item of values) {
      if (LONGS.has(field.scalar ?? ScalarType.BOOL)) {
        expect(item === undefined || typeof item === 'number', field.toString()).toBe(true)
      } else if (field.message !== undefined) expectLongsAreNumbers(field.message, item as JsonValue)
    }
  }
}

const messages = [...descriptors().methods.values()].flatMap(({ input, output }) => [input, output])

describe('JSON of every message that a method takes or gives', () => {
  it.each(messages.map((message) => [message.typeName, message] as const))(
    '%s survives the way to bytes and back, with 64-bit integers as numbers',
    (_name, message) => {
      fc.assert(
        fc.property(jsonArbitrary(message), (json) => {
          // Bytes, since NaN equals nothing.
          const given = toBinary(message, fromJson(message, json))
          const bytes = requestToBinary(message, json)
          expect(bytes).toEqual(given)
          const answer = answerToJson(message, bytes)
          expectLongsAreNumbers(message, answer)
          expect(toBinary(message, fromJson(message, answer))).toEqual(given)
        }),
        { numRuns: 30 },
      )
    },
  )
})

describe('answers', () => {
  it('write default values', () => {
    expect(answerToJson(messageOf('hushryd.location.v1.GetTrailResponse'), new Uint8Array())).toEqual({
      updates: [],
      complete: false,
    })
  })

  it('keep a 64-bit integer that no number can hold as a string', () => {
    const message = messageOf('hushryd.edge.v1.GetConnectionCountResponse')
    const bytes = toBinary(
      message,
      fromJson(message, { total: '9007199254740993', here: '9007199254740991' }),
    )
    expect(answerToJson(message, bytes)).toEqual({
      total: '9007199254740993',
      here: 9007199254740991,
    })
  })

  it('have numbers in wrappers, lists, maps and recursive messages', () => {
    const file = create(FileDescriptorProtoSchema, {
      name: 'test.proto',
      syntax: 'proto3',
      package: 'test',
      dependency: ['google/protobuf/wrappers.proto'],
      messageType: [
        {
          name: 'Node',
          field: [
            { name: 'inner', jsonName: 'inner', number: 1, type: 11, label: 1, typeName: '.test.Node' },
            { name: 'longs', jsonName: 'longs', number: 2, type: 3, label: 3 },
            {
              name: 'wrapped',
              jsonName: 'wrapped',
              number: 3,
              type: 11,
              label: 1,
              typeName: '.google.protobuf.Int64Value',
            },
            {
              name: 'by_name',
              jsonName: 'byName',
              number: 4,
              type: 11,
              label: 3,
              typeName: '.test.Node.ByNameEntry',
            },
          ],
          nestedType: [
            {
              name: 'ByNameEntry',
              options: { mapEntry: true },
              field: [
                { name: 'key', jsonName: 'key', number: 1, type: 9, label: 1 },
                { name: 'value', jsonName: 'value', number: 2, type: 4, label: 1 },
              ],
            },
          ],
        },
      ],
    })
    const registry = createFileRegistry(
      create(FileDescriptorSetSchema, { file: [file_google_protobuf_wrappers.proto, file] }),
    )
    const message = registry.getMessage('test.Node')
    if (message === undefined) throw new Error('no test.Node')
    expect(
      longsToNumbers(message, { inner: { inner: { longs: ['1', '2'] }, wrapped: '3' }, byName: { a: '4' } }),
    ).toEqual({ inner: { inner: { longs: [1, 2] }, wrapped: 3 }, byName: { a: 4 } })
  })
})

function refusalOf(typeName: string, json: unknown): unknown {
  try {
    requestToBinary(messageOf(typeName), json)
  } catch (error) {
    return error
  }
  throw new Error('the request was taken')
}

describe('requests', () => {
  const PUT_TRIP = 'hushryd.directory.v1.PutTripRequest'

  it('ignore unknown fields', () => {
    expect(requestToBinary(messageOf(PUT_TRIP), { invented: [1] })).toHaveLength(0)
  })

  it('name the field that has the wrong type', () => {
    expect(refusalOf(PUT_TRIP, { trip_id: 5 })).toMatchObject({
      reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
      violations: [{ field: 'trip_id', description: 'expected string, got 5' }],
    })
  })

  it('refuse an unknown enum name instead of reading it as unset', () => {
    expect(refusalOf(PUT_TRIP, { status: 'ACTIV' })).toMatchObject({
      reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
      violations: [{ field: 'status' }],
    })
  })

  it.each([[null], [[]], ['text'], [5], [undefined]])('refuse %j, which is no object', (json) => {
    expect(refusalOf(PUT_TRIP, json)).toMatchObject({ reason: ErrorReason.ERROR_REASON_MALFORMED })
  })

  it('refuse nesting that would exhaust the stack', () => {
    let data: JsonValue = {}
    for (let depth = 0; depth < 20_000; depth += 1) data = { data }
    expect(refusalOf('hushryd.edge.v1.BroadcastToAdminRequest', { data })).toMatchObject({
      reason: ErrorReason.ERROR_REASON_MALFORMED,
    })
  })
})

describe('a field that a request can do without', () => {
  const trigger = messageOf('hushryd.sos.v1.TriggerSosRequest')
  const read = (json: object): unknown => answerToJson(trigger, requestToBinary(trigger, json))

  it.each([
    ['a text', 'Gachibowli'],
    ['a list', [17.4, 78.5]],
    ['a text in place of a number', { lat: 'north', lng: 78.5 }],
    ['no number', { lat: 17.4, lng: null, accuracy: {} }],
  ])('is left out where it is %s', (_, location) => {
    expect(read({ alertId: 'a-1', tripId: 'trip-1', location })).toMatchObject({
      alertId: 'a-1',
      tripId: 'trip-1',
    })
  })

  it('is kept where it can be read, and lets no other field through that cannot', () => {
    const location = { lat: 17.4, lng: 78.5, accuracy: 5 }
    expect(read({ alertId: 'a-1', location })).toMatchObject({ location })
    expect(() => read({ alertId: ['a-1'], location: 'here' })).toThrow(/alert_id/)
  })
})
