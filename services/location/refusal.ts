/** The sentence that goes with each reason for which a position is refused. */

import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { ERROR_TABLE } from '@hushryd/kernel/error-table.ts'

const TEXTS: Partial<Record<ErrorReason, string>> = {
  [ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE]: 'latitude is -90 to 90 and longitude -180 to 180',
  [ErrorReason.ERROR_REASON_POSITION_IN_FUTURE]: 'the position is more than 60 s ahead of our clock',
  [ErrorReason.ERROR_REASON_POSITION_TOO_OLD]: 'the position is more than one hour old',
  [ErrorReason.ERROR_REASON_NOT_THE_DRIVER]: 'only the driver of an active trip reports its positions',
  [ErrorReason.ERROR_REASON_TRIP_NOT_FOUND]: 'there is no such trip',
  [ErrorReason.ERROR_REASON_TRIP_ENDED]: 'the trip has ended',
  [ErrorReason.ERROR_REASON_UNAVAILABLE]: 'the trip could not be looked up in time; try again',
}

export function refusalText(reason: ErrorReason): string {
  return TEXTS[reason] ?? 'the position was refused'
}

/** The reason without its prefix, as RejectedPosition names it. */
export function refusalName(reason: ErrorReason): string {
  return ERROR_TABLE[reason].name
}

export function refusalError(reason: ErrorReason): DomainError {
  return new DomainError(reason, refusalText(reason))
}
