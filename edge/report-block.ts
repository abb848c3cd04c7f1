/**
 * Reports on their way up, encoded as they come: each is a field of
 * ConnectRequest, so that a block is the tail of a message. Bytes instead of
 * objects, because they are held until the location service has them safe: ten
 * thousand objects a second that outlive their request are what a garbage
 * collector is slow at.
 */
import type { LocationFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { Cursor } from '@hushryd/kernel/wire/cursor.ts'
import { msSize, smallSize, writeId, writeMs, writeSmall } from '@hushryd/kernel/wire/fields.ts'
import { positionSize, writePosition } from '@hushryd/kernel/wire/position.ts'

/** A position that the edge has checked as far as it can. */
export interface NewReport {
  /** Its trip matches the contract's pattern of ids. */
  readonly location: LocationFrame
  /** The signed-in driver. */
  readonly userId: string
  /** The socket's number. */
  readonly connection: number
  readonly receivedMs: number
  readonly frameId: string
}

/** ConnectRequest's fields `reports` and `backfill`. */
const TAG_LIVE = 0x1a
const TAG_BACKFILL = 0x22
/** Ids and frame ids have at most 64 characters. */
const ENTRY_BYTES_MAX = 512
const FIRST_BYTES = 2_048

export class ReportBlock {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0
  #count = 0
  #isBackfill = false

  get count(): number {
    return this.#count
  }

  get isBackfill(): boolean {
    return this.#isBackfill
  }

  /** Fields of ConnectRequest, to be appended to its other ones. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  add(report: NewReport): void {
    this.#reserve(ENTRY_BYTES_MAX)
    this.#length = encodeReport(this.#bytes, this.#length, report)
    this.#count += 1
  }

  /** What was sent as live and is not known to be safe goes again as backfill. */
  turnToBackfill(): void {
    if (this.#isBackfill) return
    this.#isBackfill = true
    for (const { start } of this.#entries()) this.#bytes[start] = TAG_BACKFILL
  }

  /** Slow: for the time when there are too many of them. */
  *reports(): Generator<Report> {
    for (const { bodyStart, end } of this.#entries()) yield this.#reportAt(bodyStart, end)
  }

  /** Leaves out those that are not to be kept; asked in their order. */
  filter(isKept: (report: Report) => boolean): void {
    let length = 0
    let count = 0
    for (const { start, bodyStart, end } of this.#entries()) {
      if (!isKept(this.#reportAt(bodyStart, end))) continue
      this.#bytes.copyWithin(length, start, end)
      length += end - start
      count += 1
    }
    this.#length = length
    this.#count = count
  }

  #reportAt(start: number, end: number): Report {
    return Report.decode(this.#bytes.subarray(start, end))
  }

  *#entries(): Generator<{ readonly start: number; readonly bodyStart: number; readonly end: number }> {
    const reader = new Cursor().over(this.bytes)
    for (let start = 0; start < this.#length; start = reader.at) {
      reader.at = start + 1
      const end = reader.limit(this.#length)
      const bodyStart = reader.at
      reader.at = end
      yield { start, bodyStart, end }
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

/** Answers where it ends. `out` has ENTRY_BYTES_MAX free from `start` on. */
function encodeReport(out: Buffer, start: number, report: NewReport): number {
  const { location, userId, connection, receivedMs, frameId } = report
  const { tripId, timestampMs } = location
  if (!(Number.isSafeInteger(timestampMs) && timestampMs > 0)) return encodeRare(out, start, report)
  const positionBytes = positionSize(userId, location)
  const frameIdBytes = frameId === '' ? 0 : Buffer.byteLength(frameId)
  const bodyBytes =
    2 +
    tripId.length +
    1 +
    smallSize(positionBytes) +
    positionBytes +
    1 +
    msSize(connection) +
    1 +
    msSize(receivedMs) +
    (frameIdBytes === 0 ? 0 : 1 + smallSize(frameIdBytes) + frameIdBytes)
  let at = start
  out[at++] = TAG_LIVE
  at = writeSmall(out, at, bodyBytes)
  at = writeId(out, at, 0x0a, tripId)
  out[at++] = 0x12
  at = writeSmall(out, at, positionBytes)
  at = writePosition(out, at, userId, location)
  out[at++] = 0x18
  at = writeSmall(out, at, connection)
  out[at++] = 0x20
  at = writeMs(out, at, receivedMs)
  if (frameIdBytes === 0) return at
  out[at++] = 0x2a
  at = writeSmall(out, at, frameIdBytes)
  return at + out.write(frameId, at)
}

/** A time that the location service refuses: ts-proto writes what there is of it. */
function encodeRare(out: Buffer, start: number, report: NewReport): number {
  const body = Report.encode(reportOf(report)).finish()
  out[start] = TAG_LIVE
  const at = writeSmall(out, start + 1, body.length)
  out.set(body, at)
  return at + body.length
}

/** The message that `NewReport` stands for. */
export function reportOf({ location, userId, connection, receivedMs, frameId }: NewReport): Report {
  const { tripId, lat, lng, accuracy, speed, heading, timestampMs } = location
  const position = { userId, lat, lng, accuracy, speed, heading, timestampMs }
  return { tripId, position, connection, receivedMs, frameId }
}
