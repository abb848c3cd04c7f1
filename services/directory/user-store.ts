/** Profiles in MongoDB: everything that says who a person is sealed, the rest as it is. */
import { isDeepStrictEqual } from 'node:util'
import { CannotUnseal, type KeyRing, SEALED_PATTERN, seal, unseal } from '@hushryd/kernel/sealed-field.ts'
import {
  type Change,
  type CollectionShape,
  documentShape,
  type VersionedDocument,
} from './versioned-document.ts'

export interface User {
  readonly name: string
  /** E.164, or empty where none is known. */
  readonly phone: string
  readonly email: string
  /** E.164, or empty where it is the phone number. */
  readonly whatsapp: string
  readonly locale: string
  readonly pushTokens: readonly string[]
}

/** Without the fields that the person left empty. */
export interface UserDocument extends VersionedDocument {
  readonly keyId: string
  readonly locale: string
  readonly name?: string
  readonly phone?: string
  readonly email?: string
  readonly whatsapp?: string
  /** A JSON array. */
  readonly pushTokens?: string
}

const COLLECTION = 'users'
const TEXT_FIELDS = ['name', 'phone', 'email', 'whatsapp'] as const

const sealed = { bsonType: 'string', pattern: SEALED_PATTERN }

export const usersShape: CollectionShape = documentShape(COLLECTION, {
  required: ['keyId', 'locale'],
  properties: {
    keyId: { bsonType: 'string' },
    locale: { bsonType: 'string' },
    name: sealed,
    phone: sealed,
    email: sealed,
    whatsapp: sealed,
    pushTokens: sealed,
  },
  // The rotation of keys looks for what is not yet under the newest.
  indexes: [{ name: 'keyId', key: { keyId: 1 } }],
})

export function decideUser(
  ring: KeyRing,
  id: string,
  current: UserDocument | undefined,
  user: User,
): Change<UserDocument> | undefined {
  if (current !== undefined && isDeepStrictEqual(tryOpen(ring, current), user)) return undefined
  return { body: sealUser(ring, id, user) }
}

export function sealUser(ring: KeyRing, id: string, user: User): Change<UserDocument>['body'] {
  const body: Record<string, string> = { keyId: ring.current.id, locale: user.locale }
  for (const field of TEXT_FIELDS) {
    if (user[field] !== '') body[field] = seal(ring, { collection: COLLECTION, id, field }, user[field])
  }
  if (user.pushTokens.length > 0) {
    body.pushTokens = seal(
      ring,
      { collection: COLLECTION, id, field: 'pushTokens' },
      JSON.stringify(user.pushTokens),
    )
  }
  return body as Change<UserDocument>['body']
}

/** Throws `CannotUnseal`. */
export function openUser(ring: KeyRing, document: UserDocument): User {
  const open = (field: (typeof TEXT_FIELDS)[number] | 'pushTokens'): string => {
    const text = document[field]
    return text === undefined ? '' : unseal(ring, { collection: COLLECTION, id: document._id, field }, text)
  }
  const tokens = open('pushTokens')
  return {
    name: open('name'),
    phone: open('phone'),
    email: open('email'),
    whatsapp: open('whatsapp'),
    locale: document.locale,
    pushTokens: tokens === '' ? [] : (JSON.parse(tokens) as string[]),
  }
}

/** A profile whose key is lost can still be replaced. */
function tryOpen(ring: KeyRing, document: UserDocument): User | undefined {
  try {
    return openUser(ring, document)
  } catch (error) {
    if (error instanceof CannotUnseal) return undefined
    throw error
  }
}
