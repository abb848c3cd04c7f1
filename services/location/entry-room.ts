/** Hands out room for encoded entries: one allocation for a thousand of them. */
import type { Fix } from './fix.ts'
import { ENTRY_BYTES_MAX, type EncodedFix, encodeFix } from './lane-codec.ts'

const CHUNK_BYTES = 262_144

export class EntryRoom {
  #chunk = Buffer.allocUnsafe(0)
  #at = 0

  encode(tripId: string, fix: Fix): EncodedFix {
    if (this.#chunk.length - this.#at < ENTRY_BYTES_MAX) {
      this.#chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      this.#at = 0
    }
    const encoded = encodeFix(this.#chunk, this.#at, tripId, fix)
    this.#at = encoded.end
    return encoded
  }
}
