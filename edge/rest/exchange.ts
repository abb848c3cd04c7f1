/** One request and its answer, from the first byte to the log record. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { type DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import { toDomainError } from '@hushryd/kernel/rpc/error-wire.ts'
import { NOWHERE, type RestEvents } from './events.ts'
import { problemOf, RestError } from './problem.ts'

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** As it came, not decoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
  /** For log and metrics: the route's template, never the path. */
  setRoute(route: string, isStream: boolean): void
  /** Headers of whatever is answered. */
  addHeaders(headers: Readonly<Record<string, string>>): void
  answer(status: number, headers: OutgoingHttpHeaders, body: string | Uint8Array): void
  /** Answers with the problem, or where an answer is under way breaks it off. */
  fail(error: unknown): void
  /** For the record: how a stream ended whose answer had begun well. */
  noteFailure(error: DomainError): void
}

/** Who takes nothing of an answer for so long is gone. */
const STALLED_MS_MAX = 30_000

/** Callers' ids go into logs and answers, so only plain ones are taken over. */
const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,100}$/

function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}

export function openExchange(
  request: IncomingMessage,
  response: ServerResponse,
  events: RestEvents,
): Exchange {
  const startMs = performance.now()
  const requestId = requestIdOf(request)
  const url = request.url ?? '/'
  const mark = url.indexOf('?')
  const controller = new AbortController()
  let route = NOWHERE
  let isStream = false
  let failure: DomainError | undefined

  response.setHeader('x-request-id', requestId)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('referrer-policy', 'no-referrer')
  // Whoever goes away in the middle of an answer is seen by the close.
  response.on('error', () => undefined)
  response.once('close', () => {
    const isWhole = response.writableFinished
    if (!isWhole) controller.abort()
    const reason = failure?.reason ?? (isWhole || isStream ? undefined : ErrorReason.ERROR_REASON_CANCELLED)
    events.answered({
      method: request.method ?? '',
      route,
      status: response.headersSent ? response.statusCode : errorOf(ErrorReason.ERROR_REASON_CANCELLED).http,
      durationMs: performance.now() - startMs,
      requestId,
      isStream,
      reason,
      error: failure,
    })
  })

  function answer(status: number, headers: OutgoingHttpHeaders, body: string | Uint8Array): void {
    // RFC 9110, 8.6: these have no body, and 304 no length either.
    const length = status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(body) }
    response.writeHead(status, { ...length, ...headers })
    response.setTimeout(STALLED_MS_MAX, () => response.destroy())
    response.end(body)
  }

  return {
    request,
    response,
    requestId,
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    signal: controller.signal,
    setRoute(name, isEventStream) {
      route = name
      isStream = isEventStream
    },
    addHeaders(headers) {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    },
    answer,
    fail(thrown) {
      const rest = thrown instanceof RestError ? thrown : undefined
      const error = rest?.error ?? toDomainError(thrown)
      failure = error
      if (response.headersSent || response.destroyed) {
        response.destroy()
        return
      }
      const { status, headers, body } = problemOf(error, requestId, rest?.status)
      answer(status, { ...headers, ...rest?.headers }, body)
    },
    noteFailure(error) {
      failure = error
    },
  }
}
