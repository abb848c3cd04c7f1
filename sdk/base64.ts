/** Base64 with padding: React Native has neither Buffer nor, in older versions, atob. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    for (let shift = 18; shift >= 0; shift -= 6) text += ALPHABET.charAt((bits >> shift) & 63)
  }
  const padding = (3 - (bytes.length % 3)) % 3
  return text.slice(0, text.length - padding) + '='.repeat(padding)
}

/** Also takes the URL alphabet, and no padding. */
export function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '')
  const bytes = new Uint8Array((digits.length * 3) >> 2)
  let bits = 0
  let length = 0
  for (let at = 0; at < digits.length; at += 1) {
    const digit = ALPHABET.indexOf(digits.charAt(at))
    if (digit < 0) throw new TypeError('This is no base64.')
    bits = ((bits << 6) | digit) & 0xffffff
    if (at % 4 !== 0) {
      bytes[length] = (bits >> (6 - 2 * (at % 4))) & 255
      length += 1
    }
  }
  return bytes
}
