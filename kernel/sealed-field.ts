/**
 * Personal data at rest: AES-256-GCM, one field at a time.
 *
 * A sealed field is text, `v1:KEY_ID:BASE64URL(nonce, ciphertext, tag)`. The
 * collection, the document's id, the field's name and the key's id are bound
 * into the authentication tag, so that a ciphertext copied to another person
 * or field does not open there.
 *
 * Nonces are random 96 bits: a key is safe for 2^32 seals (NIST SP 800-38D,
 * 8.3), which is a thousand changes of each of four million profiles; rotate
 * the key long before.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

const VERSION = 'v1'
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/
const KEY_BASE64 = /^[A-Za-z0-9+/]{43}=$/

/** What a sealed field looks like; the collections' validators let nothing else in. */
export const SEALED_PATTERN = '^v1:[A-Za-z0-9_-]{1,32}:[A-Za-z0-9_-]{38,}$'

/** Where a sealed field lives, which is the only place where it opens. */
export interface SealedPlace {
  readonly collection: string
  readonly id: string
  readonly field: string
}

interface DataKey {
  readonly id: string
  readonly secret: KeyObject
}

/** The first key seals, all of them open. */
export interface KeyRing {
  readonly current: DataKey
  readonly keys: ReadonlyMap<string, DataKey>
}

/** A text that no key of the ring opens at this place: tampered with, moved, or its key is gone. */
export class CannotUnseal extends Error {}

/**
 * Reads `KEY_ID:BASE64` lines. Problems are thrown as one `Error` that names
 * lines by number and never shows key material.
 */
export function readKeyRing(text: string): KeyRing {
  const keys = new Map<string, DataKey>()
  const problems: string[] = []
  const lines = text.split(/[\r\n,]+/).map((line) => line.trim())
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    const [id = '', base64 = '', ...rest] = line.split(':')
    if (!KEY_ID.test(id) || !KEY_BASE64.test(base64) || rest.length > 0) {
      problems.push(`line ${index + 1} is not of the form KEY_ID:BASE64 with a key of ${KEY_BYTES} bytes`)
    } else if (keys.has(id)) {
      problems.push(`line ${index + 1} gives the key id ${id} a second time`)
    } else {
      keys.set(id, { id, secret: createSecretKey(Buffer.from(base64, 'base64')) })
    }
  }
  const [current] = keys.values()
  if (current === undefined && problems.length === 0) problems.push('there is no key')
  if (current === undefined || problems.length > 0) throw new Error(problems.join('; '))
  return { current, keys }
}

export function seal(ring: KeyRing, place: SealedPlace, plain: string): string {
  const { id, secret } = ring.current
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, secret, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(binding(place, id))
  const body = [nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return `${VERSION}:${id}:${Buffer.concat(body).toString('base64url')}`
}

/** Throws `CannotUnseal`. */
export function unseal(ring: KeyRing, place: SealedPlace, sealed: string): string {
  const [version, keyId = '', encoded = '', ...rest] = sealed.split(':')
  const key = ring.keys.get(keyId)
  if (version !== VERSION || rest.length > 0) throw new CannotUnseal(`${name(place)} is not a sealed field`)
  if (key === undefined)
    throw new CannotUnseal(`${name(place)} is sealed under a key that is not in the ring`)
  const bytes = Buffer.from(encoded, 'base64url')
  // Decoding ignores foreign characters and spare bits: only the exact text that was written is taken.
  if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== encoded) {
    throw new CannotUnseal(`${name(place)} is damaged`)
  }
  const decipher = createDecipheriv(CIPHER, key.secret, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(binding(place, keyId))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return (
      decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    )
  } catch (error) {
    throw new CannotUnseal(`${name(place)} does not open: it was changed or moved`, { cause: error })
  }
}

/** JSON, because plain joining would let ("a", "bc") and ("ab", "c") be one place. */
function binding({ collection, id, field }: SealedPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([VERSION, collection, id, field, keyId]), 'utf8')
}

function name({ collection, field }: SealedPlace): string {
  return `${collection}.${field}`
}
