/** One-shot requests over HTTP: tickets, calls while there is no socket, and alerts. */
import { HushrydError, unavailable } from './error.ts'
import { type AbortSignalLike, type FetchResponse, newAbort, type Runtime } from './runtime.ts'
import type { TokenSource } from './token.ts'

export interface RestRequest {
  readonly verb: string
  /** With its query. */
  readonly path: string
  readonly body?: unknown
  readonly timeoutMs: number
  readonly signal?: AbortSignalLike | undefined
}

export type Rest = (endpoint: string, request: RestRequest) => Promise<unknown>

export function createRest(runtime: Runtime, token: TokenSource): Rest {
  async function send(endpoint: string, bearer: string, request: RestRequest): Promise<Answer> {
    const { verb, path, body, timeoutMs, signal } = request
    const abort = newAbort()
    let giveUp: (error: HushrydError) => void = () => {}
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = (error) => {
        reject(error)
        abort.abort()
      }
    })
    const onAbort = () => giveUp(new HushrydError('The call was cancelled.', { code: 'CANCELLED' }))
    const timer = runtime.setTimer(
      () => giveUp(new HushrydError(`No answer within ${timeoutMs} ms.`, { code: 'DEADLINE_EXCEEDED' })),
      timeoutMs,
    )
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort)
    try {
      const answered = runtime.fetch(endpoint + path, {
        method: verb,
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(abort.signal === undefined ? {} : { signal: abort.signal }),
      })
      return await Promise.race([answered.then(readAnswer), givenUp])
    } catch (error) {
      if (error instanceof HushrydError) throw error
      throw unavailable('The edge cannot be reached.', error)
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  return async (endpoint, request) => {
    let bearer = await token.get()
    let response = await send(endpoint, bearer, request)
    if (response.status === 401 && token.canRefresh) {
      token.forget(bearer)
      bearer = await token.get()
      response = await send(endpoint, bearer, request)
    }
    if (response.status >= 200 && response.status < 300) return response.body
    throw problemOf(response)
  }
}

interface Answer {
  readonly status: number
  readonly retryAfterS: number
  /** Undefined for what is no JSON: some proxy's own page. */
  readonly body: unknown
}

async function readAnswer(response: FetchResponse): Promise<Answer> {
  const text = await response.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {}
  return { status: response.status, retryAfterS: Number(response.headers.get('retry-after') ?? 0), body }
}

/** For answers that no edge wrote. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  504: 'DEADLINE_EXCEEDED',
}

interface Problem {
  readonly code?: string
  readonly reason?: string
  readonly detail?: string
  readonly violations?: HushrydError['violations']
}

/** RFC 9457, as far as there is one. */
function problemOf({ status, retryAfterS, body }: Answer): HushrydError {
  const problem: Problem = typeof body === 'object' && body !== null ? body : {}
  return new HushrydError(problem.detail ?? `The edge answered ${status}.`, {
    code: problem.code ?? CODE_OF_STATUS[status] ?? 'UNAVAILABLE',
    reason: problem.reason,
    violations: problem.violations,
    retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1000 : 0,
  })
}
