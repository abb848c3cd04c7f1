/**
 * Reads one protobuf message field by field, for the few messages of which
 * there are tens of thousands a second; all others are ts-proto's.
 * https://protobuf.dev/programming-guides/encoding/
 *
 * One instance may be used again and again: `over` sets it on the next
 * message. Throws RangeError where the bytes are no message.
 */
import { readLatin1 } from './latin1.ts'

export class Cursor {
  buffer: Buffer = Buffer.alloc(0)
  at = 0

  over(input: Uint8Array): this {
    this.buffer = Buffer.isBuffer(input)
      ? input
      : Buffer.from(input.buffer, input.byteOffset, input.byteLength)
    this.at = 0
    return this
  }

  varint(): number {
    const { buffer } = this
    let value = 0
    let scale = 1
    for (let i = 0; i < 7; i++) {
      const byte = buffer[this.at++]
      if (byte === undefined) throw new RangeError('truncated protobuf message')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    return this.#longVarint(BigInt(value))
  }

  /** Beyond 49 bits: negative numbers, and times that the checks refuse. */
  #longVarint(low: bigint): number {
    let value = low
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.buffer[this.at++]
      if (byte === undefined) throw new RangeError('truncated protobuf message')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw new RangeError('malformed varint')
  }

  double(): number {
    const value = this.buffer.readDoubleLE(this.at)
    this.at += 8
    return value
  }

  /** The end of the length-delimited field that begins here. */
  limit(end: number): number {
    const length = this.varint()
    const limit = this.at + length
    if (!(length >= 0 && limit <= end)) throw new RangeError('truncated protobuf message')
    return limit
  }

  text(end: number): string {
    const limit = this.limit(end)
    const text = this.buffer.toString('utf8', this.at, limit)
    this.at = limit
    return text
  }

  /** A text that is ASCII by contract; other bytes make a text that is no id. */
  id(end: number): string {
    const limit = this.limit(end)
    const text = readLatin1(this.buffer, this.at, limit)
    this.at = limit
    return text
  }

  skip(tag: number, end: number): void {
    const type = tag & 7
    if (type === 0) this.varint()
    else if (type === 1) this.at += 8
    else if (type === 2) this.at = this.limit(end)
    else if (type === 5) this.at += 4
    else throw new RangeError('unexpected wire type')
    if (this.at > end) throw new RangeError('truncated protobuf message')
  }
}
