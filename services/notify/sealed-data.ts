/** The variables of a message: sealed wherever they are kept, as a link or a name is nobody else's business. */
import { CannotUnseal, type KeyRing, seal, unseal } from '@hushryd/kernel/sealed-field.ts'
import type { Data } from './template.ts'

function place(template: string) {
  // Children have other ids than the group whose data they share.
  return { collection: 'notifications', id: template, field: 'data' }
}

export function sealData(ring: KeyRing, template: string, data: Data): string {
  return seal(ring, place(template), JSON.stringify(data))
}

interface Sealed {
  readonly template: string
  readonly sealedData: string
}

/** Undefined where its key is gone or it was tampered with. */
export function openData(ring: KeyRing, { template, sealedData }: Sealed): Data | undefined {
  try {
    // Written by sealData.
    return JSON.parse(unseal(ring, place(template), sealedData)) as Data
  } catch (error) {
    if (error instanceof CannotUnseal) return undefined
    throw error
  }
}
