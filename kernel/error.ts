/**
 * What a caller did wrong, or may try again: the one error that travels.
 *
 * Bugs throw `Error` and reach the caller as INTERNAL with a fixed text.
 */
import { ErrorReason } from '@hushryd/gen/hushryd/error/v1/error.ts'

export { ErrorReason }

/** One broken rule of the contract. */
export interface Violation {
  /** Path of the field in proto names, such as `contacts[2].phone`. */
  readonly field: string
  readonly description: string
}

export interface DomainErrorOptions {
  /** Shown to the caller: no personal data. */
  readonly metadata?: Readonly<Record<string, string>>
  /** When to try again, from now; 0 where no time is known. */
  readonly retryAfterMs?: number
  readonly violations?: readonly Violation[]
  /** Logged, never shown. */
  readonly cause?: unknown
}

export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly reason: ErrorReason
  readonly metadata: Readonly<Record<string, string>>
  readonly retryAfterMs: number
  readonly violations: readonly Violation[]

  /** The message is one sentence for a developer on the other side; no personal data. */
  constructor(reason: ErrorReason, message: string, options: DomainErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.reason = reason
    this.metadata = options.metadata ?? {}
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.violations = options.violations ?? []
  }
}
