/** DomainError to and from what gRPC carries. */
import { ClientError, ServerError, Status } from 'nice-grpc-common'
import { DomainError, ErrorReason } from '../error.ts'
import { errorOf, findReason } from '../error-table.ts'
import {
  decodeErrorDetails,
  ERROR_DETAILS_KEY,
  type ErrorDetails,
  encodeErrorDetails,
} from './error-details.ts'

/** All that a caller learns of a fault of ours; the log has the rest under the request id. */
const INTERNAL_MESSAGE = 'An internal error occurred; the request id finds it in the log.'

/** A ServerError with the bytes for the trailer `grpc-status-details-bin`. */
export class WireError extends ServerError {
  readonly detailsBin: Uint8Array
  readonly reason: ErrorReason

  constructor(reason: ErrorReason, details: ErrorDetails) {
    super(details.code, details.message)
    this.reason = reason
    this.detailsBin = encodeErrorDetails(details)
  }
}

export function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

export function toServerError(error: unknown): WireError {
  if (error instanceof WireError) return error
  const domainError = toDomainError(error)
  const { reason, metadata, retryAfterMs, violations } = domainError
  const { name, status } = errorOf(reason)
  const message = reason === ErrorReason.ERROR_REASON_INTERNAL ? INTERNAL_MESSAGE : domainError.message
  return new WireError(reason, { code: status, message, reason: name, metadata, retryAfterMs, violations })
}

/** For statuses that come without our details: from Envoy, grpc-js itself, or a foreign server. */
const REASON_BY_STATUS: { readonly [S in Status]: ErrorReason } = {
  [Status.OK]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.CANCELLED]: ErrorReason.ERROR_REASON_CANCELLED,
  [Status.UNKNOWN]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.INVALID_ARGUMENT]: ErrorReason.ERROR_REASON_INVALID_REQUEST,
  [Status.DEADLINE_EXCEEDED]: ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
  [Status.NOT_FOUND]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.ALREADY_EXISTS]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.PERMISSION_DENIED]: ErrorReason.ERROR_REASON_FORBIDDEN,
  [Status.RESOURCE_EXHAUSTED]: ErrorReason.ERROR_REASON_TOO_LARGE,
  [Status.FAILED_PRECONDITION]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.ABORTED]: ErrorReason.ERROR_REASON_UNAVAILABLE,
  [Status.OUT_OF_RANGE]: ErrorReason.ERROR_REASON_INVALID_REQUEST,
  [Status.UNIMPLEMENTED]: ErrorReason.ERROR_REASON_UNKNOWN_METHOD,
  [Status.INTERNAL]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.UNAVAILABLE]: ErrorReason.ERROR_REASON_UNAVAILABLE,
  [Status.DATA_LOSS]: ErrorReason.ERROR_REASON_INTERNAL,
  [Status.UNAUTHENTICATED]: ErrorReason.ERROR_REASON_UNAUTHENTICATED,
}

interface GrpcStatusError {
  readonly code: Status
  readonly details: string
  readonly metadata?: { get(key: string): unknown }
}

function isGrpcStatusError(error: unknown): error is GrpcStatusError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    error.code in REASON_BY_STATUS &&
    'details' in error &&
    typeof error.details === 'string'
  )
}

function findDetailsBytes(metadata: GrpcStatusError['metadata']): Uint8Array | undefined {
  const values = metadata?.get(ERROR_DETAILS_KEY)
  const value: unknown = Array.isArray(values) ? values[0] : values
  return value instanceof Uint8Array ? value : undefined
}

function fromStatus(
  code: Status,
  message: string,
  detailsBin: Uint8Array | undefined,
  cause: unknown,
): DomainError {
  const details = detailsBin === undefined ? undefined : decodeErrorDetails(detailsBin)
  const reason = details?.reason === undefined ? undefined : findReason(details.reason)
  if (details === undefined || reason === undefined) {
    return new DomainError(REASON_BY_STATUS[code], message, { cause })
  }
  const { metadata, retryAfterMs, violations } = details
  return new DomainError(reason, details.message, { metadata, retryAfterMs, violations, cause })
}

/**
 * From anything thrown: nice-grpc's ClientError (whose details travel in
 * `trailer`, the call's trailing metadata), grpc-js's ServiceError, an abort.
 * What is none of these is a fault of ours: INTERNAL, with the cause.
 */
export function toDomainError(error: unknown, trailer?: { get(key: string): unknown }): DomainError {
  if (error instanceof DomainError) return error
  if (error instanceof WireError) return fromStatus(error.code, error.details, error.detailsBin, error)
  if (error instanceof ClientError || error instanceof ServerError) {
    return fromStatus(error.code, error.details, findDetailsBytes(trailer), error)
  }
  if (isAbortError(error)) {
    return new DomainError(ErrorReason.ERROR_REASON_CANCELLED, 'The caller cancelled.', { cause: error })
  }
  if (isGrpcStatusError(error)) {
    return fromStatus(error.code, error.details, findDetailsBytes(trailer ?? error.metadata), error)
  }
  return new DomainError(ErrorReason.ERROR_REASON_INTERNAL, 'An unexpected error occurred.', { cause: error })
}
