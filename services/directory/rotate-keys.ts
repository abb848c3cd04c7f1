/**
 * Seals again, under the ring's first key, what is still sealed under another.
 *
 * Resumable: what is left to do is what a document's `keyId` says, so a run
 * that ends early is simply started again. The version does not rise, since
 * nothing changes for a reader; a guard on version and key lets a change by
 * the service win, and that one is already under the new key.
 */
import type { Log } from '@hushryd/kernel/log.ts'
import { CannotUnseal, type KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { Collection, Filter, UpdateFilter } from 'mongodb'
import { type ContactsDocument, openContacts, sealContacts } from './contacts-store.ts'
import { openUser, sealUser, type UserDocument } from './user-store.ts'
import type { VersionedDocument } from './versioned-document.ts'

/** Documents held in memory at once. */
const BATCH = 200

export interface RotationOutcome {
  readonly resealed: number
  /** Under a key that is not in the ring, or damaged; they stay as they are. */
  readonly unreadable: number
}

interface KeyedDocument extends VersionedDocument {
  readonly keyId: string
}

export interface RotationParts {
  readonly ring: KeyRing
  readonly users: Collection<UserDocument>
  readonly contacts: Collection<ContactsDocument>
  readonly log: Log
  readonly signal?: AbortSignal
}

export async function rotateKeys({
  ring,
  users,
  contacts,
  log,
  signal,
}: RotationParts): Promise<RotationOutcome> {
  const outcomes = [
    await reseal(users, {
      ring,
      log,
      signal,
      again: (document) => sealUser(ring, document._id, openUser(ring, document)),
    }),
    await reseal(contacts, {
      ring,
      log,
      signal,
      again: (document) => sealContacts(ring, document._id, openContacts(ring, document)),
    }),
  ]
  return {
    resealed: outcomes.reduce((sum, { resealed }) => sum + resealed, 0),
    unreadable: outcomes.reduce((sum, { unreadable }) => sum + unreadable, 0),
  }
}

async function reseal<D extends KeyedDocument>(
  collection: Collection<D>,
  {
    ring,
    log,
    signal,
    again,
  }: { ring: KeyRing; log: Log; signal: AbortSignal | undefined; again: (document: D) => object },
): Promise<RotationOutcome> {
  let resealed = 0
  let unreadable = 0
  let afterId = ''
  while (signal?.aborted !== true) {
    // By id, so that documents that cannot be read are passed once and not met again for ever.
    const filter = { keyId: { $ne: ring.current.id }, _id: { $gt: afterId } } as unknown as Filter<D>
    const batch = (await collection.find(filter).sort({ _id: 1 }).limit(BATCH).toArray()) as unknown as D[]
    for (const document of batch) {
      afterId = document._id
      const fields = tryAgain(document, again)
      if (fields === undefined) {
        unreadable += 1
        log.error({ collection: collection.collectionName, documentId: document._id }, 'cannot be unsealed')
        continue
      }
      const guard = {
        _id: document._id,
        version: document.version,
        keyId: document.keyId,
      } as unknown as Filter<D>
      const { modifiedCount } = await collection.updateOne(guard, {
        $set: fields,
      } as unknown as UpdateFilter<D>)
      resealed += modifiedCount
    }
    log.info({ collection: collection.collectionName, resealed, unreadable }, 'sealed again')
    if (batch.length < BATCH) break
  }
  return { resealed, unreadable }
}

function tryAgain<D>(document: D, again: (document: D) => object): object | undefined {
  try {
    return again(document)
  } catch (error) {
    if (error instanceof CannotUnseal) return undefined
    throw error
  }
}
