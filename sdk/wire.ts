/**
 * Protobuf's wire format: tags, varints, strings. React Native's engine has no
 * TextDecoder, so UTF-8 is written out here.
 */

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
const FIXED32 = 5

const TWO_32 = 0x1_0000_0000

export class WireWriter {
  readonly #bytes: number[] = []

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }

  tag(number: number, type: number): void {
    this.varint(number * 8 + type)
  }

  /** A whole number up to ±2^53; a negative one takes ten bytes, as int64 and int32 do. */
  varint(value: number): void {
    let low = value % TWO_32
    let high = Math.floor(value / TWO_32)
    low = low < 0 ? low + TWO_32 : low
    if (value < 0) high += TWO_32
    while (high > 0 || low > 127) {
      this.#bytes.push((low % 128) | 128)
      low = Math.floor(low / 128) + (high % 128) * (TWO_32 / 128)
      high = Math.floor(high / 128)
    }
    this.#bytes.push(low)
  }

  double(value: number): void {
    const view = new DataView(new ArrayBuffer(8))
    view.setFloat64(0, value, true)
    this.raw(new Uint8Array(view.buffer))
  }

  string(text: string): void {
    this.bytes(encodeUtf8(text))
  }

  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }
}

export class WireReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Field number and wire type. */
  tag(): [number: number, type: number] {
    const tag = this.uint()
    return [Math.floor(tag / 8), tag % 8]
  }

  /** As uint32 and uint64: 0 and up. */
  uint(): number {
    const [low, high] = this.#varint()
    return high * TWO_32 + low
  }

  /** As int32 and int64. */
  int(): number {
    const [low, high] = this.#varint()
    return (high >= TWO_32 / 2 ? high - TWO_32 : high) * TWO_32 + low
  }

  /** The two halves of 64 bits. */
  #varint(): [low: number, high: number] {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw new RangeError('The message is cut off.')
      this.#at += 1
      const bits = byte & 127
      if (shift < 28) low += bits * 2 ** shift
      else if (shift === 28) {
        low += (bits & 15) * 2 ** 28
        high += bits >> 4
      } else high += bits * 2 ** (shift - 32)
      if (byte < 128) return [low, high % TWO_32]
    }
    throw new RangeError('A number is too long.')
  }

  double(): number {
    return this.#view.getFloat64(this.#skip(8), true)
  }

  bytes(): Uint8Array {
    const length = this.uint()
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  string(): string {
    return decodeUtf8(this.bytes())
  }

  /** Past a field of no interest. */
  skip(type: number): void {
    if (type === VARINT) this.#varint()
    else if (type === FIXED64) this.#skip(8)
    else if (type === BYTES) this.bytes()
    else if (type === FIXED32) this.#skip(4)
    else throw new RangeError('A field has an unknown wire type.')
  }

  #skip(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw new RangeError('The message is cut off.')
    this.#at = start + length
    return start
  }
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    // Half of a pair is no character.
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code
    if (point < 0x80) bytes.push(point)
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63))
    else if (point < 0x10000)
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63))
    else {
      bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63))
      bytes.push(0x80 | ((point >> 6) & 63), 0x80 | (point & 63))
    }
  }
  return Uint8Array.from(bytes)
}

/** Of valid UTF-8, which protobuf promises. */
function decodeUtf8(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    let point = length === 1 ? first : first & (0xff >> (length + 1))
    for (let next = at + 1; next < at + length; next += 1) point = (point << 6) | ((bytes[next] ?? 0) & 63)
    text += String.fromCodePoint(point > 0x10ffff ? 0xfffd : point)
    at += length
  }
  return text
}
