/** The variables of a message: sealed wherever they are kept, as a link or a name is nobody else's business. */
import { variablesPlace } from '@hushryd/kernel/queued-notification.ts'
import { CannotUnseal, type KeyRing, unseal } from '@hushryd/kernel/sealed-field.ts'
import type { Data } from './template.ts'

interface Sealed {
  readonly template: string
  readonly sealedData: string
}

/** Undefined where its key is gone or it was tampered with. */
export function openData(ring: KeyRing, { template, sealedData }: Sealed): Data | undefined {
  try {
    // Written by sealVariables.
    return JSON.parse(unseal(ring, variablesPlace(template), sealedData)) as Data
  } catch (error) {
    if (error instanceof CannotUnseal) return undefined
    throw error
  }
}
