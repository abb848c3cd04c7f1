/** Which web pages may call, and what their browsers are told. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { isOriginAllowed } from '../origin.ts'
import { RestError } from './problem.ts'

const REQUEST_HEADERS = 'authorization, content-type, last-event-id, x-request-id'
const ANSWER_HEADERS = 'retry-after, x-request-id'
/** Changes of the allowed list reach browsers within this. */
const PREFLIGHT_SECONDS = 600

/** Headers for every answer to this request. Throws FOREIGN_ORIGIN. Tokens travel in a header, never in cookies. */
export function corsHeaders(
  { origin, host }: IncomingHttpHeaders,
  allowed: readonly string[],
): Readonly<Record<string, string>> {
  // A cache must not hand one origin's answer to another, nor to none.
  const vary = { vary: 'Origin' }
  if (origin === undefined) return vary
  if (!isOriginAllowed(origin, host, allowed)) {
    throw new RestError(ErrorReason.ERROR_REASON_FOREIGN_ORIGIN, 'Pages of this origin may not call.', {
      headers: vary,
    })
  }
  return { ...vary, 'access-control-allow-origin': origin, 'access-control-expose-headers': ANSWER_HEADERS }
}

export function preflightHeaders(verbs: readonly string[]): Readonly<Record<string, string>> {
  return {
    allow: verbs.join(', '),
    'access-control-allow-methods': verbs.join(', '),
    'access-control-allow-headers': REQUEST_HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  }
}
