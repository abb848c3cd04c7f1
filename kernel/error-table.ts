/**
 * Each reason's gRPC status, HTTP status, and whether the same request may
 * succeed later. docs/ERRORS.md is generated from it.
 */
import { ErrorReason } from '@hushryd/gen/hushryd/error/v1/error.ts'
import { Status } from 'nice-grpc-common'

export type StatusName = Exclude<keyof typeof Status, number>

export interface ErrorRow {
  /** The reason without its prefix, as it stands on the wire. */
  readonly name: string
  readonly code: StatusName
  readonly status: Status
  readonly http: number
  /** True where nothing about the request has to change for it to succeed later. */
  readonly retry: boolean
}

type ReasonName = keyof typeof ErrorReason
type ShortName<N extends ReasonName> = N extends `ERROR_REASON_${infer Short}` ? Short : never
type NameOf<R extends ErrorReason> = {
  [N in ReasonName]: (typeof ErrorReason)[N] extends R ? ShortName<N> : never
}[ReasonName]

/** Exhaustive by type, and each name is the reason's own: a new reason does not compile without its row. */
export type ErrorTable = { readonly [R in ErrorReason]: ErrorRow & { readonly name: NameOf<R> } }

function row<N extends string>(
  name: N,
  code: StatusName,
  http: number,
  retry: boolean,
): ErrorRow & { readonly name: N } {
  return { name, code, status: Status[code], http, retry }
}

/** 499 is nginx's number for a caller that went away; nobody is there to read it. */
const HTTP_CALLER_GONE = 499

export const ERROR_TABLE: ErrorTable = {
  [ErrorReason.ERROR_REASON_UNSPECIFIED]: row('UNSPECIFIED', 'INTERNAL', 500, false),
  [ErrorReason.ERROR_REASON_INVALID_REQUEST]: row('INVALID_REQUEST', 'INVALID_ARGUMENT', 400, false),
  [ErrorReason.ERROR_REASON_MALFORMED]: row('MALFORMED', 'INVALID_ARGUMENT', 400, false),
  [ErrorReason.ERROR_REASON_TOO_LARGE]: row('TOO_LARGE', 'RESOURCE_EXHAUSTED', 413, false),
  [ErrorReason.ERROR_REASON_UNKNOWN_METHOD]: row('UNKNOWN_METHOD', 'UNIMPLEMENTED', 404, false),
  [ErrorReason.ERROR_REASON_UNAUTHENTICATED]: row('UNAUTHENTICATED', 'UNAUTHENTICATED', 401, false),
  [ErrorReason.ERROR_REASON_SESSION_ENDED]: row('SESSION_ENDED', 'UNAUTHENTICATED', 401, false),
  [ErrorReason.ERROR_REASON_FORBIDDEN]: row('FORBIDDEN', 'PERMISSION_DENIED', 403, false),
  [ErrorReason.ERROR_REASON_FOREIGN_ORIGIN]: row('FOREIGN_ORIGIN', 'PERMISSION_DENIED', 403, false),
  [ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT]: row('NOT_A_PARTICIPANT', 'PERMISSION_DENIED', 403, false),
  [ErrorReason.ERROR_REASON_NOT_THE_DRIVER]: row('NOT_THE_DRIVER', 'PERMISSION_DENIED', 403, false),
  [ErrorReason.ERROR_REASON_USER_NOT_FOUND]: row('USER_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_TRIP_NOT_FOUND]: row('TRIP_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_TRIP_ENDED]: row('TRIP_ENDED', 'FAILED_PRECONDITION', 410, false),
  [ErrorReason.ERROR_REASON_NO_POSITION]: row('NO_POSITION', 'NOT_FOUND', 404, true),
  [ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE]: row(
    'POSITION_OUT_OF_RANGE',
    'INVALID_ARGUMENT',
    400,
    false,
  ),
  [ErrorReason.ERROR_REASON_POSITION_IN_FUTURE]: row('POSITION_IN_FUTURE', 'INVALID_ARGUMENT', 400, false),
  [ErrorReason.ERROR_REASON_POSITION_TOO_OLD]: row('POSITION_TOO_OLD', 'INVALID_ARGUMENT', 400, false),
  [ErrorReason.ERROR_REASON_RATE_LIMITED]: row('RATE_LIMITED', 'RESOURCE_EXHAUSTED', 429, true),
  [ErrorReason.ERROR_REASON_LIMIT_REACHED]: row('LIMIT_REACHED', 'RESOURCE_EXHAUSTED', 409, false),
  [ErrorReason.ERROR_REASON_TRIP_STATE_CONFLICT]: row(
    'TRIP_STATE_CONFLICT',
    'FAILED_PRECONDITION',
    409,
    false,
  ),
  [ErrorReason.ERROR_REASON_INVALID_PHONE]: row('INVALID_PHONE', 'INVALID_ARGUMENT', 400, false),
  [ErrorReason.ERROR_REASON_UNAVAILABLE]: row('UNAVAILABLE', 'UNAVAILABLE', 503, true),
  [ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED]: row('DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', 504, true),
  [ErrorReason.ERROR_REASON_CANCELLED]: row('CANCELLED', 'CANCELLED', HTTP_CALLER_GONE, true),
  [ErrorReason.ERROR_REASON_INTERNAL]: row('INTERNAL', 'INTERNAL', 500, false),
  [ErrorReason.ERROR_REASON_EDGE_NOT_FOUND]: row('EDGE_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_DUPLICATE_ID]: row('DUPLICATE_ID', 'ALREADY_EXISTS', 409, false),
  [ErrorReason.ERROR_REASON_ALERT_NOT_FOUND]: row('ALERT_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_ALERT_CLOSED]: row('ALERT_CLOSED', 'FAILED_PRECONDITION', 409, false),
  [ErrorReason.ERROR_REASON_WRONG_PIN]: row('WRONG_PIN', 'PERMISSION_DENIED', 403, false),
  [ErrorReason.ERROR_REASON_PIN_NOT_SET]: row('PIN_NOT_SET', 'FAILED_PRECONDITION', 409, false),
  [ErrorReason.ERROR_REASON_NOTIFICATION_NOT_FOUND]: row('NOTIFICATION_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_POOL_EXHAUSTED]: row('POOL_EXHAUSTED', 'RESOURCE_EXHAUSTED', 503, true),
  [ErrorReason.ERROR_REASON_MASK_SESSION_NOT_FOUND]: row('MASK_SESSION_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_MASK_SESSION_ENDED]: row('MASK_SESSION_ENDED', 'FAILED_PRECONDITION', 410, false),
  [ErrorReason.ERROR_REASON_NOT_CALLABLE]: row('NOT_CALLABLE', 'FAILED_PRECONDITION', 409, false),
  [ErrorReason.ERROR_REASON_DOCUMENT_NOT_FOUND]: row('DOCUMENT_NOT_FOUND', 'NOT_FOUND', 404, false),
  [ErrorReason.ERROR_REASON_DOCUMENT_STATE_CONFLICT]: row(
    'DOCUMENT_STATE_CONFLICT',
    'FAILED_PRECONDITION',
    409,
    false,
  ),
  [ErrorReason.ERROR_REASON_UPLOAD_MISSING]: row('UPLOAD_MISSING', 'FAILED_PRECONDITION', 409, true),
}

const REASONS_BY_NAME = new Map<string, ErrorReason>(
  Object.values(ErrorReason).map((reason) => [ERROR_TABLE[reason].name, reason]),
)

export function errorOf(reason: ErrorReason): ErrorRow {
  return ERROR_TABLE[reason]
}

/** Undefined for a name that this version does not know. */
export function findReason(name: string): ErrorReason | undefined {
  return REASONS_BY_NAME.get(name)
}
