/**
 * The lane's bytes, written and read by hand where they are hot.
 *
 * A position is encoded once, as one entry that serves all three: the tail of
 * the entry is the Position that Redis holds, the whole of it is field 2 of
 * both FlushedPositions and ConnectResponse. A property test holds these bytes
 * equal to ts-proto's.
 */
import { ConnectRequest, ConnectResponse, type Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { Cursor } from '@hushryd/kernel/wire/cursor.ts'
import { msSize, smallSize, writeId, writeMs, writeSmall } from '@hushryd/kernel/wire/fields.ts'
import { positionSize, writePosition } from '@hushryd/kernel/wire/position.ts'
import type { Fix } from './fix.ts'

/** Where one encoded entry lies in a flush's buffer. */
export interface EncodedFix {
  readonly buffer: Buffer
  /** The entry: tag, length, LanePosition. */
  readonly start: number
  /** The encoded Position within it, up to `end`. */
  readonly positionStart: number
  readonly end: number
  readonly timestampMs: number
}

/** Ids are ASCII and at most 64 long, so an entry cannot exceed this. */
export const ENTRY_BYTES_MAX = 512

const TAG_ENTRY = 0x12

/**
 * Writes one entry. `out` has ENTRY_BYTES_MAX free from `start` on, both ids
 * match the contract's pattern and the time is positive: a fix that was
 * checked, of a trip that the directory knows.
 */
export function encodeFix(out: Buffer, start: number, tripId: string, fix: Fix): EncodedFix {
  const positionBytes = positionSize(fix.userId, fix)
  const tripBytes = 2 + tripId.length + 1 + smallSize(positionBytes) + positionBytes
  const frameBytes = 1 + smallSize(tripBytes) + tripBytes
  const entryBytes =
    2 +
    tripId.length +
    2 +
    fix.userId.length +
    1 +
    msSize(fix.timestampMs) +
    1 +
    smallSize(frameBytes) +
    frameBytes
  let at = start
  out[at++] = TAG_ENTRY
  at = writeSmall(out, at, entryBytes)
  at = writeId(out, at, 0x0a, tripId)
  at = writeId(out, at, 0x12, fix.userId)
  out[at++] = 0x18
  at = writeMs(out, at, fix.timestampMs)
  out[at++] = 0x22
  at = writeSmall(out, at, frameBytes)
  // ServerFrame{trip: TripFrame{tripId, updates: [Position]}}
  out[at++] = 0x22
  at = writeSmall(out, at, tripBytes)
  at = writeId(out, at, 0x0a, tripId)
  out[at++] = 0x12
  at = writeSmall(out, at, positionBytes)
  const positionStart = at
  at = writePosition(out, at, fix.userId, fix)
  return { buffer: out, start, positionStart, end: at, timestampMs: fix.timestampMs }
}

/** Joins a message's other fields, encoded by ts-proto, with entries. The order of fields is free in protobuf. */
export function joinEntries(head: Uint8Array, entries: readonly EncodedFix[]): Buffer {
  let size = head.length
  for (const entry of entries) size += entry.end - entry.start
  const out = Buffer.allocUnsafe(size)
  out.set(head, 0)
  let at = head.length
  for (const entry of entries) {
    entry.buffer.copy(out, at, entry.start, entry.end)
    at += entry.end - entry.start
  }
  return out
}

/** What goes down a lane: ConnectResponse with its positions already encoded. */
export interface LaneDown extends Omit<ConnectResponse, 'trips'> {
  readonly entries: readonly EncodedFix[]
}

/** In place of ts-proto's ConnectResponse on the serving side; without fromPartial, which would copy it all. */
export const LaneDownCodec = {
  encode(message: LaneDown): { finish(): Uint8Array } {
    const { entries, ...rest } = message
    const head = ConnectResponse.encode({ ...rest, trips: [] }).finish()
    return { finish: () => joinEntries(head, entries) }
  },
  decode: (input: Uint8Array): LaneDown => ({ ...ConnectResponse.decode(input), entries: [] }),
}

/** Reads what comes up the lane. The instance is reused: nothing here is re-entrant. */
class LaneCursor extends Cursor {
  position(end: number): Position {
    const fix: Position = { userId: '', lat: 0, lng: 0, accuracy: 0, speed: 0, heading: 0, timestampMs: 0 }
    while (this.at < end) {
      const tag = this.varint()
      if (tag === 0x0a) fix.userId = this.text(end)
      else if (tag === 0x11) fix.lat = this.double()
      else if (tag === 0x19) fix.lng = this.double()
      else if (tag === 0x21) fix.accuracy = this.double()
      else if (tag === 0x29) fix.speed = this.double()
      else if (tag === 0x31) fix.heading = this.double()
      else if (tag === 0x38) fix.timestampMs = this.varint()
      else this.skip(tag, end)
    }
    return fix
  }

  report(end: number): Report {
    const report: Report = { tripId: '', position: undefined, connection: 0, receivedMs: 0, frameId: '' }
    while (this.at < end) {
      const tag = this.varint()
      if (tag === 0x0a) report.tripId = this.text(end)
      else if (tag === 0x12) report.position = this.position(this.limit(end))
      else if (tag === 0x18) report.connection = this.varint() | 0
      else if (tag === 0x20) report.receivedMs = this.varint()
      else if (tag === 0x2a) report.frameId = this.text(end)
      else this.skip(tag, end)
    }
    return report
  }
}

const cursor = new LaneCursor()

export function decodePosition(input: Uint8Array): Position {
  return cursor.over(input).position(input.length)
}

function emptyRequest(): ConnectRequest {
  return { hello: undefined, seq: 0, reports: [], backfill: [], joins: [], leftTripIds: [], syncs: [] }
}

/** In place of ts-proto's ConnectRequest on the serving side: reports by hand, the rarer fields by ts-proto. */
export const LaneUpCodec = {
  encode: (message: ConnectRequest): { finish(): Uint8Array } => ConnectRequest.encode(message),
  decode(input: Uint8Array): ConnectRequest {
    const end = input.length
    const reader = cursor.over(input)
    const reports: Report[] = []
    const rare: Buffer[] = []
    let seq = 0
    while (reader.at < end) {
      const start = reader.at
      const tag = reader.varint()
      if (tag === 0x1a) reports.push(reader.report(reader.limit(end)))
      else if (tag === 0x10) seq = reader.varint()
      else {
        reader.skip(tag, end)
        rare.push(reader.buffer.subarray(start, reader.at))
      }
    }
    const request = rare.length === 0 ? emptyRequest() : ConnectRequest.decode(Buffer.concat(rare))
    request.seq = seq
    request.reports = reports
    return request
  },
}

/** One entry of another pod's FlushedPositions. */
export interface ForeignEntry {
  readonly tripId: string
  readonly encoded: EncodedFix
  readonly position: Position
}

/** Reads the entries of FlushedPositions that `wanted` names, without touching the others' frames. */
export function readEntries(
  input: Uint8Array,
  wanted: (tripId: string) => boolean,
  take: (entry: ForeignEntry) => void,
): void {
  const reader = cursor.over(input)
  const { buffer } = reader
  const found: { tripId: string; start: number; frameStart: number; end: number }[] = []
  while (reader.at < buffer.length) {
    const start = reader.at
    const tag = reader.varint()
    if (tag !== TAG_ENTRY) {
      reader.skip(tag, buffer.length)
      continue
    }
    const end = reader.limit(buffer.length)
    let tripId = ''
    let frameStart = end
    while (reader.at < end) {
      const field = reader.varint()
      if (field === 0x0a) {
        tripId = reader.text(end)
        if (!wanted(tripId)) break
      } else if (field === 0x22) {
        const limit = reader.limit(end)
        frameStart = reader.at
        reader.at = limit
      } else reader.skip(field, end)
    }
    reader.at = end
    if (frameStart !== end) found.push({ tripId, start, frameStart, end })
  }
  for (const { tripId, start, frameStart, end } of found) {
    const positionStart = findPosition(buffer, frameStart, end)
    if (positionStart === undefined) continue
    const position = decodePosition(buffer.subarray(positionStart, end))
    take({
      tripId,
      position,
      encoded: { buffer, start, positionStart, end, timestampMs: position.timestampMs },
    })
  }
}

/** The Position is the tail of the frame, as encodeFix writes it. */
function findPosition(buffer: Buffer, frameStart: number, end: number): number | undefined {
  const reader = cursor.over(buffer)
  reader.at = frameStart
  if (reader.varint() !== 0x22 || reader.limit(end) !== end) return undefined
  while (reader.at < end) {
    const tag = reader.varint()
    const limit = reader.limit(end)
    if (tag === 0x12 && limit === end) return reader.at
    reader.at = limit
  }
  return undefined
}
