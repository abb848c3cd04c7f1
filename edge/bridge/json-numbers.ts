/**
 * protobuf's JSON mapping writes 64-bit integers as strings; HushRyd's apps get
 * numbers. Which places of a message hold any is worked out once a type.
 */
import { type DescField, type DescMessage, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { isObject } from './json-object.ts'

type Convert = (value: JsonValue) => JsonValue
type Place = readonly [key: string, convert: Convert]

const LONG_SCALARS: ReadonlySet<ScalarType | undefined> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
])
const LONG_WRAPPERS: ReadonlySet<string> = new Set([
  'google.protobuf.Int64Value',
  'google.protobuf.UInt64Value',
])

/** Beyond 2^53 a number would be another number, so the string stays. */
const toNumber: Convert = (value) => {
  const number = Number(value)
  return typeof value === 'string' && Number.isSafeInteger(number) ? number : value
}

/** `seen` breaks cycles: whether a message under way reaches any is found by its own other fields. */
function searchLong(message: DescMessage, seen: Set<DescMessage>): boolean {
  if (LONG_WRAPPERS.has(message.typeName)) return true
  // Other well-known types have a JSON form of their own, without numbers of 64 bits.
  if (message.typeName.startsWith('google.protobuf.') || seen.has(message)) return false
  seen.add(message)
  return message.fields.some(
    (field) =>
      LONG_SCALARS.has(field.scalar) || (field.message !== undefined && searchLong(field.message, seen)),
  )
}

const reaching = new WeakMap<DescMessage, boolean>()

/** Where it is false the message need not be looked at. */
function reachesLong(message: DescMessage): boolean {
  let reaches = reaching.get(message)
  if (reaches === undefined) {
    reaches = searchLong(message, new Set())
    reaching.set(message, reaches)
  }
  return reaches
}

function convertOf({ scalar, message }: DescField): Convert | undefined {
  if (LONG_SCALARS.has(scalar)) return toNumber
  if (message === undefined || !reachesLong(message)) return undefined
  if (LONG_WRAPPERS.has(message.typeName)) return toNumber
  return (value) => {
    convertPlaces(message, value)
    return value
  }
}

function containerConvert(field: DescField): Convert | undefined {
  const convert = convertOf(field)
  if (convert === undefined) return undefined
  if (field.fieldKind === 'list') return (value) => (Array.isArray(value) ? value.map(convert) : value)
  if (field.fieldKind !== 'map') return convert
  return (value) => {
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, convert(inner)]))
  }
}

const placesOf = new WeakMap<DescMessage, readonly Place[]>()

function getPlaces(message: DescMessage): readonly Place[] {
  const known = placesOf.get(message)
  if (known !== undefined) return known
  const places = message.fields.flatMap((field): Place[] => {
    const convert = containerConvert(field)
    return convert === undefined ? [] : [[field.jsonName, convert]]
  })
  placesOf.set(message, places)
  return places
}

function convertPlaces(message: DescMessage, json: JsonValue): void {
  if (!isObject(json)) return
  for (const [key, convert] of getPlaces(message)) {
    const value = json[key]
    if (value !== undefined) json[key] = convert(value)
  }
}

/** Changes what protobuf-es's toJson made of a message. */
export function longsToNumbers(message: DescMessage, json: JsonValue): JsonValue {
  if (!reachesLong(message)) return json
  if (LONG_WRAPPERS.has(message.typeName)) return toNumber(json)
  convertPlaces(message, json)
  return json
}
