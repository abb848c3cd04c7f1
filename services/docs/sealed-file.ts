/**
 * A file at rest under a key of its own: AES-256-GCM, bound to its document.
 *
 * What S3 holds is `HDF1`, the length of the key's id, the id, nonce,
 * ciphertext, tag. The document's id is authenticated with it, so that a file
 * moved to another document does not open there. Keys rotate as the ring's
 * do: the first one seals, all of them open.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { CannotUnseal, type KeyRing } from '@hushryd/kernel/sealed-field.ts'

const MAGIC = Buffer.from('HDF1')
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = MAGIC.length + 1

/** A sealed file is answered as one message, which may have 4 MiB. */
export const SEALED_BYTES_MAX = 3.5 * 1024 * 1024

export const SEALED_CONTENT_TYPE = 'application/octet-stream'

function bindingOf(documentId: string, keyId: string): Buffer {
  return Buffer.from(JSON.stringify(['document', documentId, keyId]))
}

export function sealFile(ring: KeyRing, documentId: string, plain: Uint8Array): Buffer {
  const { id, secret } = ring.current
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, secret, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(bindingOf(documentId, id))
  const keyId = Buffer.from(id)
  return Buffer.concat([
    MAGIC,
    Buffer.of(keyId.length),
    keyId,
    nonce,
    cipher.update(plain),
    cipher.final(),
    cipher.getAuthTag(),
  ])
}

/** Throws `CannotUnseal`. */
export function unsealFile(ring: KeyRing, documentId: string, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  const keyIdEnd = HEAD_BYTES + (bytes[MAGIC.length] ?? 0)
  const nonceEnd = keyIdEnd + NONCE_BYTES
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC) || bytes.length < nonceEnd + TAG_BYTES) {
    throw new CannotUnseal('the object is no sealed file')
  }
  const keyId = bytes.subarray(HEAD_BYTES, keyIdEnd).toString()
  const key = ring.keys.get(keyId)
  if (key === undefined) throw new CannotUnseal('the file is sealed under a key that is not in the ring')
  const decipher = createDecipheriv(CIPHER, key.secret, bytes.subarray(keyIdEnd, nonceEnd), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(bindingOf(documentId, keyId))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceEnd, -TAG_BYTES)), decipher.final()])
  } catch (error) {
    throw new CannotUnseal('the file does not open: it was changed or moved', { cause: error })
  }
}
