/** A provider that is unreachable, too slow or broken: what its circuit breaker counts. */
import type { ProviderName } from '../voice-provider.ts'

export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable'
  /** An HTTP status, an error code of the system such as ECONNREFUSED, or `timeout`. */
  readonly code: string

  constructor(provider: ProviderName, code: string) {
    super(`${provider} is unavailable: ${code}`)
    this.code = code
  }
}

/** 408 and 429 too: the call was not looked at, and another provider may take it now. */
export function isUnavailableStatus(status: number): boolean {
  return status >= 500 || status === 408 || status === 429
}

function findCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return findCode(error.cause)
}

/** Nothing of an HTTP client's error is kept but the code: it carries the request, and with it both numbers. */
export function unavailable(
  provider: ProviderName,
  error: unknown,
  signal: AbortSignal,
): ProviderUnavailable {
  return new ProviderUnavailable(provider, signal.aborted ? 'timeout' : (findCode(error) ?? 'unknown'))
}
