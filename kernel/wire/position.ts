/** A hushryd.location.v1.Position, which every process on a position's way writes. */
import { msSize, writeDouble, writeId, writeMs } from './fields.ts'

export interface PositionFields {
  readonly lat: number
  readonly lng: number
  readonly accuracy: number
  readonly speed: number
  readonly heading: number
  /** Above 0 and below 2^53. */
  readonly timestampMs: number
}

export function positionSize(userId: string, fields: PositionFields): number {
  let size = 2 + userId.length + 1 + msSize(fields.timestampMs)
  if (fields.lat !== 0) size += 9
  if (fields.lng !== 0) size += 9
  if (fields.accuracy !== 0) size += 9
  if (fields.speed !== 0) size += 9
  if (fields.heading !== 0) size += 9
  return size
}

/** Answers where it ends; `out` has `positionSize` bytes free. The id is ASCII, as the contract has it. */
export function writePosition(out: Buffer, start: number, userId: string, fields: PositionFields): number {
  let at = writeId(out, start, 0x0a, userId)
  at = writeDouble(out, at, 0x11, fields.lat)
  at = writeDouble(out, at, 0x19, fields.lng)
  at = writeDouble(out, at, 0x21, fields.accuracy)
  at = writeDouble(out, at, 0x29, fields.speed)
  at = writeDouble(out, at, 0x31, fields.heading)
  out[at++] = 0x38
  return writeMs(out, at, fields.timestampMs)
}
