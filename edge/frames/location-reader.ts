/**
 * Reads the frame of which there are the most, a ClientFrame with `location`
 * alone, by hand. Whatever looks different is left to ts-proto; a property
 * test holds that both read the same.
 */
import type { LocationFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { Cursor } from '@hushryd/kernel/wire/cursor.ts'

export interface ReadLocation {
  readonly id: string
  readonly location: LocationFrame
}

const TAG_ID = 0x0a
const TAG_LOCATION = 0x22
const IS_ASCII = /^[ -~]*$/
const cursor = new Cursor()

/** Undefined for every other frame, and for bytes that are none. */
export function readLocation(data: Buffer): ReadLocation | undefined {
  // A position is the first field, or the id and then the position.
  if (data[0] !== TAG_LOCATION && data[0] !== TAG_ID) return undefined
  try {
    return read(cursor.over(data), data.length)
  } catch {
    return undefined
  }
}

function read(reader: Cursor, end: number): ReadLocation | undefined {
  let id = ''
  let location: LocationFrame | undefined
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === TAG_ID && id === '') id = reader.id(end)
    else if (tag === TAG_LOCATION && location === undefined) {
      location = readFields(reader, reader.limit(end))
      if (location === undefined) return undefined
    } else return undefined
  }
  return location !== undefined && IS_ASCII.test(id) ? { id, location } : undefined
}

function readFields(reader: Cursor, end: number): LocationFrame | undefined {
  const location: LocationFrame = {
    tripId: '',
    lat: 0,
    lng: 0,
    accuracy: 0,
    speed: 0,
    heading: 0,
    timestampMs: 0,
  }
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === 0x0a) location.tripId = reader.id(end)
    else if (tag === 0x11) location.lat = reader.double()
    else if (tag === 0x19) location.lng = reader.double()
    else if (tag === 0x21) location.accuracy = reader.double()
    else if (tag === 0x29) location.speed = reader.double()
    else if (tag === 0x31) location.heading = reader.double()
    else if (tag === 0x38) location.timestampMs = reader.varint()
    else return undefined
  }
  // Not so: a field that runs over the end, a number beyond those of JavaScript, a text beyond ASCII.
  const isPlain =
    reader.at === end && Number.isSafeInteger(location.timestampMs) && IS_ASCII.test(location.tripId)
  return isPlain ? location : undefined
}
