/** Comparisons whose time says nothing about the secret, and base64 that has one spelling only. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Digests are compared, so that neither content nor length shows. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/** Undefined for what Node would decode all the same: other alphabets, missing padding, stray bits. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined
}
