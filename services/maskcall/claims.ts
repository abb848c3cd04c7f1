/**
 * What a session holds of the pool: texts of which no two sessions may have
 * the same. For each of its virtual numbers that is a place among those who
 * share the number, and one for each of the two people: "this person calling
 * this number means this session".
 *
 * Pure. A person is a keyed digest over both numbers: without the key nobody
 * can try all ten-digit numbers against a stolen table, and one person's
 * claims on two virtual numbers have nothing in common. While keys change,
 * claims are made under each of them, so that processes with the old ring and
 * with the new one exclude each other still.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

const PURPOSE = 'hushryd maskcall participant'
const KEY_BYTES = 32
const DIGEST_CHARS = 32

export interface DigestKey {
  readonly id: string
  readonly secret: KeyObject
}

interface Ring {
  readonly keys: ReadonlyMap<string, DigestKey>
}

/** Keys that only digest, from those that seal: one setting, and neither use weakens the other. */
export function digestKeysOf(ring: Ring): readonly DigestKey[] {
  return [...ring.keys.values()].map(({ id, secret }) => ({
    id,
    secret: createSecretKey(Buffer.from(hkdfSync('sha256', secret.export(), '', PURPOSE, KEY_BYTES))),
  }))
}

/** One for each key. */
export function participantClaims(
  keys: readonly DigestKey[],
  virtualNumber: string,
  phone: string,
): readonly string[] {
  return keys.map(({ id, secret }) => {
    const digest = createHmac('sha256', secret).update(`${virtualNumber}\n${phone}`).digest('base64url')
    return `${id}.${digest.slice(0, DIGEST_CHARS)}`
  })
}

const PLACE = '#'

export function placeClaim(virtualNumber: string, place: number): string {
  return `${virtualNumber}${PLACE}${place}`
}

export function isPlaceClaim(claim: string): boolean {
  return claim.includes(PLACE)
}

export interface PairClaims {
  readonly driver: readonly string[]
  readonly passenger: readonly string[]
}

export function pairClaims(
  keys: readonly DigestKey[],
  virtualNumber: string,
  phones: { readonly driver: string; readonly passenger: string },
): PairClaims {
  return {
    driver: participantClaims(keys, virtualNumber, phones.driver),
    passenger: participantClaims(keys, virtualNumber, phones.passenger),
  }
}
