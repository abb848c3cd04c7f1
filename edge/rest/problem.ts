/** Errors as RFC 9457 documents. */
import { DomainError, type ErrorReason } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'

/** A refusal whose HTTP status or headers the reason alone does not give. */
export class RestError extends Error {
  readonly error: DomainError
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    reason: ErrorReason,
    message: string,
    {
      status,
      headers = {},
    }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.error = new DomainError(reason, message)
    this.status = status
    this.headers = headers
  }
}

export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `TRIP_NOT_FOUND` to `Trip not found`: the same for every occurrence, as the RFC wants it. */
function titleOf(name: string): string {
  return name.charAt(0) + name.slice(1).toLowerCase().replaceAll('_', ' ')
}

/** The document's fields, for where it is not a whole answer: the `error` event of a stream. */
export function problemDocument(error: DomainError, requestId: string, status?: number): string {
  const { name, code, http } = errorOf(error.reason)
  return JSON.stringify({
    type: `urn:hushryd:error:${name}`,
    title: titleOf(name),
    status: status ?? http,
    code,
    reason: name,
    detail: error.message,
    ...(error.violations.length === 0 ? {} : { violations: error.violations }),
    ...(error.retryAfterMs > 0 ? { retryAfterMs: Math.ceil(error.retryAfterMs) } : {}),
    requestId,
  })
}

export function problemOf(error: DomainError, requestId: string, status?: number): Problem {
  const answered = status ?? errorOf(error.reason).http
  return {
    status: answered,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      // Whole seconds, so that waiting exactly as long is long enough.
      ...(error.retryAfterMs > 0 ? { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) } : {}),
      ...(answered === 401 ? { 'www-authenticate': 'Bearer realm="hushryd"' } : {}),
    },
    body: problemDocument(error, requestId, status),
  }
}
