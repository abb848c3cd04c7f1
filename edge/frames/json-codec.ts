/**
 * The subprotocol hushryd.v1.json: protobuf's JSON mapping, with 64-bit
 * numbers as numbers and default values written.
 *
 * Positions come and go thousands of times a second, so both their directions
 * are written by hand; json-codec.test.ts holds them to the general path.
 */
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { ClientFrame, type LocationFrame, ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import { sharedText } from '../bridge/shared-answers.ts'
import { OPCODE_TEXT, payloadOf, textFrame } from '../ws-frame.ts'
import { messageOf } from './binary-codec.ts'
import { type ClientMessage, checked, type FrameCodec, invalid, PROTOCOL_JSON } from './codec.ts'

type JsonObject = { [key: string]: unknown }

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readSchema() {
  const schema = descriptors().registry.getMessage('hushryd.edge.v1.ClientFrame')
  if (schema === undefined) throw new Error('the descriptors hold no ClientFrame: npm run gen')
  return schema
}

const clientFrameSchema = readSchema()

/** Undefined where anything is unusual: the general path then decides. */
function fastLocation(value: unknown): LocationFrame | undefined {
  if (!isObject(value)) return undefined
  const location = { tripId: '', lat: 0, lng: 0, accuracy: 0, speed: 0, heading: 0, timestampMs: 0 }
  for (const key in value) {
    const field = value[key]
    switch (key) {
      case 'tripId':
        if (typeof field !== 'string') return undefined
        location.tripId = field
        break
      case 'timestampMs':
        if (!Number.isSafeInteger(field)) return undefined
        location.timestampMs = field as number
        break
      case 'lat':
      case 'lng':
      case 'accuracy':
      case 'speed':
      case 'heading':
        if (typeof field !== 'number' || !Number.isFinite(field)) return undefined
        location[key] = field
        break
      default:
        return undefined
    }
  }
  return location
}

function fastMessage(frame: JsonObject): ClientMessage | undefined {
  let id = ''
  let location: LocationFrame | undefined
  for (const key in frame) {
    if (key === 'location') location = fastLocation(frame[key])
    else if (key === 'id' && typeof frame[key] === 'string') id = frame[key]
    else return undefined
  }
  return location === undefined ? undefined : { kind: 'location', id, location }
}

/** A position without coordinates is a mistake, where protobuf's own rule would put it off the coast of Africa. */
function hasCoordinates(location: unknown): boolean {
  return !isObject(location) || (typeof location.lat === 'number' && typeof location.lng === 'number')
}

/** Those without coordinates become ones at no place: each is then refused by its index, and the others are taken. */
function withPlaces(locations: JsonObject): JsonObject {
  const { updates } = locations
  if (!Array.isArray(updates)) return locations
  return {
    ...locations,
    updates: updates.map((update) =>
      hasCoordinates(update) ? update : { ...update, lat: 'NaN', lng: 'NaN' },
    ),
  }
}

/** By protobuf-es, exact to the specification. Exported for the test that compares. */
export function generalMessage(json: JsonObject): ClientMessage {
  const id = typeof json.id === 'string' ? json.id.slice(0, 64) : ''
  if (!hasCoordinates(json.location)) {
    return invalid(id, ErrorReason.ERROR_REASON_INVALID_REQUEST, 'A position needs the numbers lat and lng.')
  }
  // A call's request is an object here and bytes in the schema.
  const call = json.call
  let request: unknown = {}
  let plain = isObject(json.locations) ? { ...json, locations: withPlaces(json.locations) } : json
  if (isObject(call)) {
    request = call.request ?? {}
    if (!isObject(request))
      return invalid(id, ErrorReason.ERROR_REASON_INVALID_REQUEST, 'A call’s request is an object.')
    plain = { ...plain, call: { ...call, request: null } }
  }
  let frame: ClientFrame
  try {
    const message = fromJson(clientFrameSchema, plain as JsonValue, { ignoreUnknownFields: true })
    frame = ClientFrame.decode(toBinary(clientFrameSchema, message))
  } catch (error) {
    const cause = error instanceof Error ? error.message.slice(0, 200) : ''
    return invalid(id, ErrorReason.ERROR_REASON_MALFORMED, `The frame is no ClientFrame: ${cause}`)
  }
  const message = messageOf(frame)
  return message.kind === 'call' ? { ...message, request } : message
}

function decode(data: Buffer): ClientMessage {
  let json: unknown
  try {
    json = JSON.parse(data.toString('utf8'))
  } catch {
    return invalid('', ErrorReason.ERROR_REASON_MALFORMED, 'The frame is no JSON.')
  }
  if (!isObject(json)) return invalid('', ErrorReason.ERROR_REASON_MALFORMED, 'The frame is no JSON object.')
  const message = fastMessage(json)
  if (message?.kind === 'location') {
    const { lat, lng } = (json.location ?? {}) as JsonObject
    if (lat !== undefined && lng !== undefined) return checked(message)
  }
  return checked(generalMessage(json))
}

const PLAIN = /^[A-Za-z0-9_.:@-]*$/

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

function fastPosition(p: Position): string {
  return `{"userId":${quote(p.userId)},"lat":${p.lat},"lng":${p.lng},"accuracy":${p.accuracy},"speed":${p.speed},"heading":${p.heading},"timestampMs":${p.timestampMs}}`
}

function isFinitePosition(p: Position): boolean {
  // A sum is finite only where each part is, or where huge parts overflow: then the slow path does.
  return Number.isFinite(p.lat + p.lng + p.accuracy + p.speed + p.heading)
}

/** Messages of ts-proto are already the mapping: camel case, defaults present, 64-bit as numbers, unset ones undefined. */
export function generalText({ id, frame }: ServerFrame): string {
  if (frame === undefined) throw new Error('a server frame without content')
  const { $case: kind, value } = frame
  return JSON.stringify(id === '' ? { [kind]: value } : { id, [kind]: value })
}

export function tripText(frame: ServerFrame): string {
  if (frame.frame?.$case !== 'trip' || frame.id !== '') return generalText(frame)
  const { tripId, updates } = frame.frame.value
  if (!updates.every(isFinitePosition)) return generalText(frame)
  const only = updates.length === 1 ? updates[0] : undefined
  const list = only === undefined ? updates.map(fastPosition).join(',') : fastPosition(only)
  return `{"trip":{"tripId":${quote(tripId)},"updates":[${list}]}}`
}

export const jsonCodec: FrameCodec = {
  protocol: PROTOCOL_JSON,
  opcode: OPCODE_TEXT,
  decode,
  encode: (frame) => textFrame(generalText(frame)),
  encodeAnswer: (id, kind, value) => textFrame(`{"id":${quote(id)},"${kind}":${sharedText(value)}}`),
  encodeTrip: (binary) => textFrame(tripText(ServerFrame.decode(payloadOf(binary)))),
}
