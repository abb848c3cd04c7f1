/**
 * SHA-256 (FIPS 180-4), piece by piece: for files that are not to lie in
 * memory whole, and for machines that have none, such as React Native and
 * pages without TLS.
 */

const BLOCK = 64
/** The first 32 bits of the fractional parts of the roots of the first primes, as the standard defines them. */
const [INITIAL, CONSTANTS] = rootsOfPrimes()

function rootsOfPrimes(): [initial: Uint32Array, constants: Uint32Array] {
  const initial = new Uint32Array(8)
  const constants = new Uint32Array(64)
  let found = 0
  for (let candidate = 2; found < 64; candidate += 1) {
    let divisor = 2
    while (candidate % divisor !== 0) divisor += 1
    if (divisor !== candidate) continue
    if (found < 8) initial[found] = fraction(Math.sqrt(candidate))
    constants[found] = fraction(Math.cbrt(candidate))
    found += 1
  }
  return [initial, constants]
}

function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32)
}

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}

export interface Sha256 {
  update(bytes: Uint8Array): void
  /** Ends it: nothing can be added afterwards. */
  digest(): Uint8Array
}

export function sha256(): Sha256 {
  const state = Uint32Array.from(INITIAL)
  const words = new Uint32Array(BLOCK)
  const block = new Uint8Array(BLOCK)
  const view = new DataView(block.buffer)
  let filled = 0
  let length = 0

  function update(bytes: Uint8Array): void {
    length += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(BLOCK - filled, bytes.length - at)
      block.set(bytes.subarray(at, at + taken), filled)
      filled += taken
      at += taken
      if (filled === BLOCK) compress()
    }
  }

  function digest(): Uint8Array {
    const bits = length * 8
    update(Uint8Array.of(0x80))
    if (filled > BLOCK - 8) update(new Uint8Array(BLOCK - filled))
    block.fill(0, filled)
    view.setUint32(BLOCK - 8, Math.floor(bits / 2 ** 32))
    view.setUint32(BLOCK - 4, bits % 2 ** 32)
    compress()
    const bytes = new DataView(new ArrayBuffer(32))
    for (const [index, word] of state.entries()) bytes.setUint32(index * 4, word)
    return new Uint8Array(bytes.buffer)
  }

  function word(index: number): number {
    return words[index] ?? 0
  }

  function compress(): void {
    for (let index = 0; index < 16; index += 1) words[index] = view.getUint32(index * 4)
    for (let index = 16; index < BLOCK; index += 1) {
      const [early, late] = [word(index - 15), word(index - 2)]
      const s0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3)
      const s1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10)
      words[index] = word(index - 16) + s0 + word(index - 7) + s1
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
    for (let index = 0; index < BLOCK; index += 1) {
      const s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (CONSTANTS[index] ?? 0) + word(index)) | 0
      const s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    for (const [index, value] of [a, b, c, d, e, f, g, h].entries())
      state[index] = (state[index] ?? 0) + value
    filled = 0
  }

  return { update, digest }
}

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
