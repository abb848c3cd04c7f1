/**
 * Seals again, under the ring's first key, the numbers of live sessions that
 * are sealed under another, and gives them the claims of every key, so that
 * an old key may go.
 *
 * Ended sessions hold no numbers any more, and so no new claims can be made
 * of them: until they are released, an old key is still what finds them.
 */
import type { Log } from '@hushryd/kernel/log.ts'
import { CannotUnseal, type KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { Collection } from 'mongodb'
import { digestKeysOf, pairClaims } from './claims.ts'
import { openNumbers, sealNumbers } from './sealed-numbers.ts'
import type { MaskSession } from './session.ts'
import { fromDocument, type SessionDocument } from './session-document.ts'

/** Documents held in memory at once. */
const BATCH = 200

export interface RotationOutcome {
  readonly resealed: number
  /** Under a key that is not in the ring, or damaged; they stay as they are. */
  readonly unreadable: number
  /** Ended and not released: old keys are needed until there are none. */
  readonly resting: number
}

export interface RotationParts {
  readonly ring: KeyRing
  readonly sessions: Collection<SessionDocument>
  readonly log: Log
  readonly signal?: AbortSignal
}

export async function rotateKeys({ ring, sessions, log, signal }: RotationParts): Promise<RotationOutcome> {
  let resealed = 0
  let unreadable = 0
  let afterId = ''
  while (signal?.aborted !== true) {
    // By id, so that documents that cannot be read are passed once and not met again for ever.
    const filter = {
      state: 'active',
      keyId: { $exists: true, $ne: ring.current.id },
      _id: { $gt: afterId },
    } as const
    const batch = await sessions.find(filter).sort({ _id: 1 }).limit(BATCH).toArray()
    for (const document of batch) {
      afterId = document._id
      try {
        if (await reseal(ring, sessions, fromDocument(document))) resealed += 1
      } catch (error) {
        if (!(error instanceof CannotUnseal)) throw error
        unreadable += 1
        log.error({ sessionId: document._id }, 'cannot be unsealed')
      }
    }
    if (batch.length < BATCH) break
  }
  const resting = await sessions.countDocuments({ isHeld: true, state: 'ended' })
  log.info({ resealed, unreadable, resting }, 'sealed again')
  return { resealed, unreadable, resting }
}

/** A session that ends meanwhile stays without numbers. */
async function reseal(
  ring: KeyRing,
  sessions: Collection<SessionDocument>,
  session: MaskSession,
): Promise<boolean> {
  const phones = openNumbers(ring, session)
  const sealed = sealNumbers(ring, session.id, phones)
  const keys = digestKeysOf(ring)
  const claims = session.numbers.map(({ number }) => pairClaims(keys, number, phones))
  const driver = claims.flatMap((pair) => pair.driver)
  const passenger = claims.flatMap((pair) => pair.passenger)
  const { modifiedCount } = await sessions.updateOne(
    { _id: session.id, state: 'active', keyId: session.sealed?.keyId ?? '' },
    {
      $set: { keyId: sealed.keyId, sealedDriver: sealed.driver, sealedPassenger: sealed.passenger },
      $addToSet: { claims: { $each: [...driver, ...passenger] }, driverClaims: { $each: driver } },
    },
  )
  return modifiedCount === 1
}
