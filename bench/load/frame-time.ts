/** Finds a time in an encoded frame without decoding the rest of it. */

const WIRE_VARINT = 0
const WIRE_FIXED64 = 1
const WIRE_BYTES = 2
const WIRE_FIXED32 = 5

/**
 * The varint at a path of field numbers, the last one where it repeats;
 * undefined where the frame has none.
 */
export function findTimeMs(frame: Buffer, path: readonly number[]): number | undefined {
  const last = path.length - 1
  let start = 0
  let end = frame.length
  let depth = 0
  let found: number | undefined
  let at = start
  while (at < end) {
    const key = readVarint(frame, at)
    at = key.next
    const field = key.value >>> 3
    const wire = key.value & 7
    if (wire === WIRE_VARINT) {
      const number = readVarint(frame, at)
      at = number.next
      if (depth === last && field === path[last]) found = number.value
    } else if (wire === WIRE_FIXED64) {
      at += 8
    } else if (wire === WIRE_FIXED32) {
      at += 4
    } else if (wire === WIRE_BYTES) {
      const length = readVarint(frame, at)
      if (depth < last && field === path[depth]) {
        depth += 1
        start = length.next
        end = start + length.value
        at = start
      } else {
        at = length.next + length.value
      }
    } else {
      return undefined
    }
  }
  return found
}

const result = { value: 0, next: 0 }

function readVarint(frame: Buffer, from: number): { value: number; next: number } {
  let value = 0
  let scale = 1
  let at = from
  for (;;) {
    const byte = frame[at] ?? 0
    at += 1
    value += (byte & 0x7f) * scale
    if (byte < 0x80) break
    scale *= 128
  }
  result.value = value
  result.next = at
  return result
}
