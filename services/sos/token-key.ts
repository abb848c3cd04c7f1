/**
 * HMAC-SHA256 (RFC 2104) by the one-shot hash of Node, which costs half of a
 * Hmac object: a flood makes a token for each alert. Pure, but for the memory
 * that it hashes from, which is there for one token after the other.
 */
import { hash } from 'node:crypto'

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
const INNER = 0x36
const OUTER = 0x5c
/** More than two ids have. */
const TEXT_BYTES = 512

export class TokenKey {
  /** The key's block, and room for what is hashed with it. */
  #inner: Buffer
  readonly #outer: Buffer

  /** Of at most 64 bytes. */
  constructor(key: Uint8Array) {
    if (key.length > BLOCK_BYTES) throw new Error('the key is longer than a block')
    const pad = (by: number, roomBytes: number): Buffer => {
      const padded = Buffer.alloc(BLOCK_BYTES + roomBytes)
      for (let index = 0; index < BLOCK_BYTES; index += 1) padded[index] = by ^ (key[index] ?? 0)
      return padded
    }
    this.#inner = pad(INNER, TEXT_BYTES)
    this.#outer = pad(OUTER, DIGEST_BYTES)
  }

  /** 256 bits in base64url. */
  tokenOf(text: string): string {
    const end = BLOCK_BYTES + Buffer.byteLength(text)
    if (end > this.#inner.length) this.#inner = Buffer.concat([this.#inner], end)
    this.#inner.write(text, BLOCK_BYTES)
    // As text, which Node makes faster than a Buffer.
    this.#outer.write(hash('sha256', this.#inner.subarray(0, end), 'hex'), BLOCK_BYTES, 'hex')
    return hash('sha256', this.#outer, 'base64url')
  }
}
