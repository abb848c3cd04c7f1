/**
 * Pure: where a document's objects are in the bucket.
 *
 * Keys are made of ids alone, never of what a client calls a file, and always
 * the same for a document: whoever cleans up needs no list of what was written.
 */
import { type DocumentType, isSealed } from './document.ts'

export interface KeyedDocument {
  readonly id: string
  readonly userId: string
  readonly type: DocumentType
}

export const INCOMING_PREFIX = 'incoming/'
export const DOCUMENTS_PREFIX = 'documents/'
/** Ciphertext only: no link leads here. */
export const SEALED_PREFIX = 'sealed/'
export const PREFIXES = [INCOMING_PREFIX, DOCUMENTS_PREFIX, SEALED_PREFIX] as const

const ID = /^d_[A-Za-z0-9_-]{8,64}$/
/** As the contract has it: it begins with a letter or digit, so that no part of a key is `..`. */
const USER_ID = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/
const THUMBNAIL = '.thumbnail'

/** The last guard before a key: whatever the layers above have let through. */
function checkIds({ id, userId }: KeyedDocument): void {
  if (!ID.test(id) || !USER_ID.test(userId)) throw new Error('no key is made of these ids')
}

export function incomingKey(document: KeyedDocument): string {
  checkIds(document)
  return `${INCOMING_PREFIX}${document.userId}/${document.id}`
}

export function fileKey(document: KeyedDocument): string {
  checkIds(document)
  const { id, userId, type } = document
  return isSealed(type) ? `${SEALED_PREFIX}${userId}/${id}` : `${DOCUMENTS_PREFIX}${userId}/${type}/${id}`
}

export function thumbnailKey(document: KeyedDocument): string {
  return `${fileKey(document)}${THUMBNAIL}`
}

/** Everything that may ever have been written for it. */
export function allKeys(document: KeyedDocument): readonly string[] {
  return [incomingKey(document), fileKey(document), thumbnailKey(document)]
}

/** The document that a key belongs to; undefined for a key that is none of ours. */
export function findDocumentId(key: string): string | undefined {
  const name = key.split('/').at(-1) ?? ''
  const id = name.endsWith(THUMBNAIL) ? name.slice(0, -THUMBNAIL.length) : name
  return ID.test(id) ? id : undefined
}
