/** The two numbers of a session: sealed on their way into the database, opened in the adapter's hand. */
import { type KeyRing, seal, unseal } from '@hushryd/kernel/sealed-field.ts'
import { PhoneNumber } from './phone-number.ts'
import type { MaskSession, Role, SealedNumbers } from './session.ts'

function place(sessionId: string, field: Role) {
  return { collection: 'mask_sessions', id: sessionId, field }
}

export interface Phones {
  readonly driver: string
  readonly passenger: string
}

export function sealNumbers(ring: KeyRing, sessionId: string, phones: Phones): SealedNumbers {
  return {
    keyId: ring.current.id,
    driver: seal(ring, place(sessionId, 'driver'), phones.driver),
    passenger: seal(ring, place(sessionId, 'passenger'), phones.passenger),
  }
}

/** Throws `CannotUnseal`; for what computes with both, and keeps neither. */
export function openNumbers(ring: KeyRing, { id, sealed }: Pick<MaskSession, 'id' | 'sealed'>): Phones {
  if (sealed === undefined) throw new Error('an ended session has no numbers')
  return {
    driver: unseal(ring, place(id, 'driver'), sealed.driver),
    passenger: unseal(ring, place(id, 'passenger'), sealed.passenger),
  }
}

export function phoneOf(ring: KeyRing, session: Pick<MaskSession, 'id' | 'sealed'>, role: Role): PhoneNumber {
  return new PhoneNumber(() => openNumbers(ring, session)[role])
}
