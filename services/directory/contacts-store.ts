/** Emergency contacts in MongoDB: one sealed list a person, read and replaced as a whole. */
import { isDeepStrictEqual } from 'node:util'
import { CannotUnseal, type KeyRing, SEALED_PATTERN, seal, unseal } from '@hushryd/kernel/sealed-field.ts'
import {
  type Change,
  type CollectionShape,
  documentShape,
  type VersionedDocument,
} from './versioned-document.ts'

export interface Contact {
  readonly name: string
  /** E.164. */
  readonly phone: string
  readonly email: string
  readonly relation: string
  readonly voiceCall: boolean
}

/** Lists of an earlier release say nothing about calls. */
type StoredContact = Omit<Contact, 'voiceCall'> & Partial<Pick<Contact, 'voiceCall'>>

export interface ContactsDocument extends VersionedDocument {
  readonly keyId: string
  /** A JSON array, in the order in which they are told. */
  readonly contacts: string
}

const COLLECTION = 'emergency_contacts'

export const contactsShape: CollectionShape = documentShape(COLLECTION, {
  required: ['keyId', 'contacts'],
  properties: {
    keyId: { bsonType: 'string' },
    contacts: { bsonType: 'string', pattern: SEALED_PATTERN },
  },
  // The rotation of keys looks for what is not yet under the newest.
  indexes: [{ name: 'keyId', key: { keyId: 1 } }],
})

export function decideContacts(
  ring: KeyRing,
  id: string,
  current: ContactsDocument | undefined,
  contacts: readonly Contact[],
): Change<ContactsDocument> | undefined {
  if (current !== undefined && isDeepStrictEqual(tryOpen(ring, current), contacts)) return undefined
  return { body: sealContacts(ring, id, contacts) }
}

export function sealContacts(
  ring: KeyRing,
  id: string,
  contacts: readonly Contact[],
): Change<ContactsDocument>['body'] {
  return { keyId: ring.current.id, contacts: seal(ring, place(id), JSON.stringify(contacts)) }
}

/** Throws `CannotUnseal`. */
export function openContacts(ring: KeyRing, document: ContactsDocument): Contact[] {
  const stored = JSON.parse(unseal(ring, place(document._id), document.contacts)) as StoredContact[]
  return stored.map((contact) => ({ voiceCall: false, ...contact }))
}

function place(id: string) {
  return { collection: COLLECTION, id, field: 'contacts' }
}

/** A list whose key is lost can still be replaced. */
function tryOpen(ring: KeyRing, document: ContactsDocument): Contact[] | undefined {
  try {
    return openContacts(ring, document)
  } catch (error) {
    if (error instanceof CannotUnseal) return undefined
    throw error
  }
}
