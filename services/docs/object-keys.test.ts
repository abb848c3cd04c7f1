import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DOCUMENT_TYPES } from './document.ts'
import {
  allKeys,
  fileKey,
  findDocumentId,
  incomingKey,
  PREFIXES,
  SEALED_PREFIX,
  thumbnailKey,
} from './object-keys.ts'

const documents = fc.record({
  id: fc.stringMatching(/^d_[A-Za-z0-9_-]{8,64}$/),
  userId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/),
  type: fc.constantFrom(...DOCUMENT_TYPES),
})

it('a key stays under its prefix and its user, and says which document it is of', () => {
  fc.assert(
    fc.property(documents, (document) => {
      for (const key of allKeys(document)) {
        expect(PREFIXES.some((prefix) => key.startsWith(`${prefix}${document.userId}/`))).toBe(true)
        expect(key.split('/')).not.toContain('..')
        expect(findDocumentId(key)).toBe(document.id)
      }
    }),
  )
})

it('keys of two documents never meet', () => {
  fc.assert(
    fc.property(documents, documents, (one, other) => {
      fc.pre(one.id !== other.id)
      expect(allKeys(one).filter((key) => allKeys(other).includes(key))).toEqual([])
    }),
  )
})

it('Aadhaar cards have a prefix of their own', () => {
  const card = { id: 'd_12345678', userId: 'asha', type: 'aadhar' } as const
  expect(fileKey(card)).toBe(`${SEALED_PREFIX}asha/d_12345678`)
  expect(fileKey({ ...card, type: 'rc' })).toBe('documents/asha/rc/d_12345678')
  expect(thumbnailKey({ ...card, type: 'rc' })).toBe('documents/asha/rc/d_12345678.thumbnail')
  expect(incomingKey(card)).toBe('incoming/asha/d_12345678')
})

it.for(['..', '../x', 'a/b', '', 'ａ', '.hidden', 'a\n'])('no key is made of the user id %j', (userId) => {
  expect(() => incomingKey({ id: 'd_12345678', userId, type: 'rc' })).toThrow('no key')
})

it.for(['../d_12345678', 'd_1', 'd_12345678/..', ''])('nor of the document id %j', (id) => {
  expect(() => fileKey({ id, userId: 'asha', type: 'rc' })).toThrow('no key')
})

it.for(['incoming/', 'what', 'incoming/asha/photo.jpg', 'documents/asha/rc/d_12345678.other'])(
  'the key %j belongs to no document',
  (key) => {
    expect(findDocumentId(key)).toBeUndefined()
  },
)
