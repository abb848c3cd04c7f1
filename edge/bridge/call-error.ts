/**
 * What a caller outside learns of a failed call. An error with HushRyd's
 * details was written for it; a bare gRPC status comes from grpc-js or a
 * proxy, and its text holds addresses, so it is replaced.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'

const TEXTS: Partial<Record<ErrorReason, string>> = {
  [ErrorReason.ERROR_REASON_UNAVAILABLE]: 'This part of the system is away; try again.',
  [ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED]: 'The answer did not come in time.',
  [ErrorReason.ERROR_REASON_CANCELLED]: 'The call was cancelled.',
  [ErrorReason.ERROR_REASON_TOO_LARGE]: 'The message is too large.',
  [ErrorReason.ERROR_REASON_UNKNOWN_METHOD]: 'The method is not served here yet.',
  [ErrorReason.ERROR_REASON_FORBIDDEN]: 'The call was refused.',
  [ErrorReason.ERROR_REASON_INVALID_REQUEST]: 'The request was refused.',
}
const OTHERWISE = 'An internal error occurred; the request id finds it in the log.'

/** A restarted service is found again within this. */
const RETRY_AFTER_MS = 1000

export function unavailable(cause?: unknown): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_UNAVAILABLE,
    TEXTS[ErrorReason.ERROR_REASON_UNAVAILABLE] ?? OTHERWISE,
    { retryAfterMs: RETRY_AFTER_MS, cause },
  )
}

export interface CallFailure {
  readonly error: DomainError
  /** The trailer carried HushRyd's error details. */
  readonly hasDetails: boolean
  readonly isConnected: boolean
  /** The edge has vouched for someone. */
  readonly isCallerKnown: boolean
}

export function toPublicError(failure: CallFailure): DomainError {
  const { error, hasDetails, isConnected, isCallerKnown } = failure
  const { reason } = error
  // Then it is the edge whom the service does not know: no app shall sign its people out for that.
  if (reason === ErrorReason.ERROR_REASON_UNAUTHENTICATED && isCallerKnown) return unavailable(error)
  if (hasDetails) return error
  const isLate = reason === ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED
  // A peer that never even took the connection is away, not slow.
  if (reason === ErrorReason.ERROR_REASON_UNAVAILABLE || (isLate && !isConnected)) return unavailable(error)
  return new DomainError(reason, TEXTS[reason] ?? OTHERWISE, { cause: error })
}
