import type { FieldViolation } from './generated/types.ts'

export interface ErrorDetails {
  /** A gRPC status name, such as PERMISSION_DENIED. */
  readonly code: string
  /** Why, as the contract names it, such as NOT_A_PARTICIPANT; empty where the server did not say. */
  readonly reason?: string | undefined
  /** When to try again, milliseconds from now; 0 where no time is known. */
  readonly retryAfterMs?: number | undefined
  /** Where fields of the request are at fault. */
  readonly violations?: readonly FieldViolation[] | undefined
  /** The WebSocket close code, where the server closed the connection for good. */
  readonly closeCode?: number | undefined
  readonly cause?: unknown
}

/** Codes after which the same request may succeed, with nothing about it changed. */
const RETRYABLE = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED', 'CANCELLED', 'INTERNAL', 'UNKNOWN'])

/** Everything that this package rejects and reports. */
export class HushrydError extends Error {
  override readonly name = 'HushrydError'
  readonly code: string
  readonly reason: string
  readonly retryAfterMs: number
  readonly violations: readonly FieldViolation[]
  readonly closeCode: number | undefined

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = details.code
    this.reason = details.reason ?? ''
    this.retryAfterMs = details.retryAfterMs ?? 0
    this.violations = details.violations ?? []
    this.closeCode = details.closeCode
  }

  /** True where trying the same again may help. */
  get isRetryable(): boolean {
    if (this.code === 'RESOURCE_EXHAUSTED')
      return this.reason !== 'LIMIT_REACHED' && this.reason !== 'TOO_LARGE'
    return RETRYABLE.has(this.code)
  }
}

export function asHushrydError(error: unknown): HushrydError {
  if (error instanceof HushrydError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new HushrydError(message, { code: 'UNKNOWN', cause: error })
}

export function unavailable(message: string, cause?: unknown): HushrydError {
  return new HushrydError(message, { code: 'UNAVAILABLE', reason: 'UNAVAILABLE', cause })
}
