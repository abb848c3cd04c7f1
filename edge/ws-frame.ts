/**
 * WebSocket frames as one Buffer each, header and payload: one `write` a frame
 * instead of two, and the same Buffer for every follower of a trip.
 */

export const OPCODE_TEXT = 1
export const OPCODE_BINARY = 2
export type Opcode = typeof OPCODE_TEXT | typeof OPCODE_BINARY

const FINAL = 0x80
const LENGTH_16 = 126
const LENGTH_64 = 127

function headerBytes(length: number): number {
  return length < LENGTH_16 ? 2 : length < 65_536 ? 4 : 10
}

function writeHeader(frame: Buffer, opcode: Opcode, length: number): void {
  frame[0] = FINAL | opcode
  if (length < LENGTH_16) {
    frame[1] = length
  } else if (length < 65_536) {
    frame[1] = LENGTH_16
    frame[2] = length >>> 8
    frame[3] = length & 0xff
  } else {
    frame[1] = LENGTH_64
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
}

export function binaryFrame(payload: Uint8Array): Buffer {
  const header = headerBytes(payload.length)
  const frame = Buffer.allocUnsafe(header + payload.length)
  writeHeader(frame, OPCODE_BINARY, payload.length)
  frame.set(payload, header)
  return frame
}

/** The same of a part of a Buffer. */
export function binaryFrameOf(buffer: Buffer, start: number, end: number): Buffer {
  const length = end - start
  const header = headerBytes(length)
  const frame = Buffer.allocUnsafe(header + length)
  writeHeader(frame, OPCODE_BINARY, length)
  buffer.copy(frame, header, start, end)
  return frame
}

/** What a frame made here holds. */
export function payloadOf(frame: Buffer): Buffer {
  const length = frame[1]
  return frame.subarray(length === LENGTH_64 ? 10 : length === LENGTH_16 ? 4 : 2)
}

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const header = headerBytes(length)
  const frame = Buffer.allocUnsafe(header + length)
  writeHeader(frame, OPCODE_TEXT, length)
  frame.write(text, header, 'utf8')
  return frame
}
