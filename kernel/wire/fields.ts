/** Writes protobuf fields into a Buffer that has the room: the other half of `cursor.ts`. */
import { writeLatin1 } from './latin1.ts'

const TWO_28 = 0x10000000

/** Of a varint below 2^21. */
export function smallSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3
}

/** A varint below 2^32. The functions that write answer where they have ended. */
export function writeSmall(out: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  out[at++] = rest
  return at
}

/** A time: not negative and below 2^53, six bytes from 1978 to 2109. */
export function writeMs(out: Buffer, start: number, value: number): number {
  let low = value % TWO_28
  const high = Math.floor(value / TWO_28)
  if (high === 0) return writeSmall(out, start, low)
  let at = start
  for (let i = 0; i < 4; i++) {
    out[at++] = (low & 0x7f) | 0x80
    low >>>= 7
  }
  return writeSmall(out, at, high)
}

export function msSize(value: number): number {
  let size = 1
  let rest = value
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    size++
  }
  return size
}

/** An ASCII text of at most 127 characters, with its tag and length. */
export function writeId(out: Buffer, at: number, tag: number, id: string): number {
  out[at] = tag
  out[at + 1] = id.length
  writeLatin1(out, id, at + 2)
  return at + 2 + id.length
}

/** With its tag; nothing where it is 0, as proto3 has it. */
export function writeDouble(out: Buffer, at: number, tag: number, value: number): number {
  if (value === 0) return at
  out[at] = tag
  out.writeDoubleLE(value, at + 1)
  return at + 9
}
