/**
 * The two PINs of a person, and which of them counts for an alert.
 *
 * Whoever holds the phone could set new PINs and call the alert off with them:
 * for an alert only the PINs count that were set before it was raised.
 *
 * Pure but for the time that scrypt takes.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'

/** One hash for each PIN, under one salt: a given PIN is hashed once, whichever it turns out to be. */
export interface PinSet {
  /** Of the key that makes guesses from a stolen database worthless: PINs have few digits. */
  readonly keyId: string
  readonly salt: string
  readonly pin: string
  /** Of random bytes where there is no duress PIN. */
  readonly duress: string
  readonly setMs: number
}

export interface PinRecord {
  readonly current: PinSet
  /** Those that counted for an alert that was open when the current ones were set. */
  readonly earlier: PinSet | undefined
}

export type PinMatch = 'pin' | 'duress' | 'wrong'

const HASH_BYTES = 32
const SALT_BYTES = 16
/** About 30 ms and 16 MB. */
const SCRYPT = { N: 16_384, r: 8, p: 1 }

async function hashPin(ring: KeyRing, keyId: string, salt: string, pin: string): Promise<Buffer> {
  const key = ring.keys.get(keyId)
  if (key === undefined) throw new Error(`SOS_KEYS has no key ${keyId}, under which a PIN was set`)
  const peppered = createHmac('sha256', key.secret).update(`pin\n${pin}`).digest()
  return await new Promise((resolve, reject) => {
    scrypt(peppered, Buffer.from(salt, 'base64'), HASH_BYTES, SCRYPT, (error, hash) => {
      if (error === null) resolve(hash)
      else reject(error)
    })
  })
}

export async function hashPins(
  ring: KeyRing,
  { pin, duressPin, setMs }: { readonly pin: string; readonly duressPin: string; readonly setMs: number },
): Promise<PinSet> {
  const keyId = ring.current.id
  const salt = randomBytes(SALT_BYTES).toString('base64')
  const hash = await hashPin(ring, keyId, salt, pin)
  const duress = duressPin === '' ? randomBytes(HASH_BYTES) : await hashPin(ring, keyId, salt, duressPin)
  return { keyId, salt, pin: hash.toString('base64'), duress: duress.toString('base64'), setMs }
}

/** The same work whatever the PIN is. */
export async function matchPin(ring: KeyRing, set: PinSet, given: string): Promise<PinMatch> {
  const hash = await hashPin(ring, set.keyId, set.salt, given)
  const isPin = timingSafeEqual(hash, Buffer.from(set.pin, 'base64'))
  const isDuress = timingSafeEqual(hash, Buffer.from(set.duress, 'base64'))
  return isPin ? 'pin' : isDuress ? 'duress' : 'wrong'
}

/** With an alert open since `openSinceMs`, those that count for it stay beside the new ones. */
export function replacePins(
  held: PinRecord | undefined,
  current: PinSet,
  openSinceMs: number | undefined,
): PinRecord {
  if (held === undefined || openSinceMs === undefined) return { current, earlier: undefined }
  return { current, earlier: findCounting(held, openSinceMs) }
}

/** Undefined where none was set before the alert. */
export function findCounting({ current, earlier }: PinRecord, raisedMs: number): PinSet | undefined {
  if (current.setMs <= raisedMs) return current
  return earlier !== undefined && earlier.setMs <= raisedMs ? earlier : undefined
}
