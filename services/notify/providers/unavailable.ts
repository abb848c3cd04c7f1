/** A provider that is unreachable, too slow or broken: what its circuit breaker counts. */
import type { ProviderName } from '../provider.ts'

export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable'
  readonly provider: ProviderName
  /** An HTTP status, an error code of the system such as ECONNREFUSED, or `timeout`. */
  readonly code: string
  /** What the provider asked for by Retry-After; 0 where it did not. */
  readonly retryAfterMs: number

  constructor(provider: ProviderName, code: string, retryAfterMs = 0) {
    super(`${provider} is unavailable: ${code}`)
    this.provider = provider
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** 408 and 429 too: the message was not looked at, and another provider may take it now. */
export function isUnavailableStatus(status: number): boolean {
  return status >= 500 || status === 408 || status === 429
}

/** Seconds, as all of these providers send it; dates are not understood. */
export function readRetryAfterMs(value: unknown): number {
  const seconds = typeof value === 'string' ? Number(value) : Number.NaN
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
}

function findCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // First, since the AWS SDK calls a reset connection a TimeoutError.
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'timeout'
  return findCode(error.cause)
}

/**
 * For errors of the HTTP clients below. Nothing of them is kept but the code:
 * they carry the request, and with it the recipient, the text and the key.
 */
export function unavailable(
  provider: ProviderName,
  error: unknown,
  signal: AbortSignal,
): ProviderUnavailable {
  return new ProviderUnavailable(provider, signal.aborted ? 'timeout' : (findCode(error) ?? 'unknown'))
}
