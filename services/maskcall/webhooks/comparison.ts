/** Comparisons whose time says nothing about the secret. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** Digests are compared, so that neither content nor length shows. */
export function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/** What only the holder of the secret can have made of the text. */
export function tokenOf(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}
