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
  async function ask(
    endpoint: string,
    { verb, path, body }: RestRequest,
    bearer: string,
    signal: AbortSignalLike | undefined,
  ): Promise<Answer> {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    try {
      const response = await runtime.fetch(endpoint + path, {
        method: verb,
        headers: { authorization: `Bearer ${bearer}`, ...type },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
      return await readAnswer(response)
    } catch (error) {
      throw unavailable('The edge cannot be reached.', error)
    }
  }

  return (endpoint, request) =>
    inTime(runtime, request, async (signal) => {
      let bearer = await token.get()
      let answer = await ask(endpoint, request, bearer, signal)
      if (answer.status === 401 && token.canRefresh) {
        token.forget(bearer)
        bearer = await token.get()
        answer = await ask(endpoint, request, bearer, signal)
      }
      if (answer.status >= 200 && answer.status < 300) return answer.body
      throw problemOf(answer)
    })
}

/** The time covers the token, too: where its source hangs, the request does not. */
function inTime<T>(
  runtime: Runtime,
  { timeoutMs, signal }: RestRequest,
  work: (signal: AbortSignalLike | undefined) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = newAbort()
    const release = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const giveUp = (error: HushrydError): void => {
      release()
      reject(error)
      abort.abort()
    }
    const onAbort = (): void => giveUp(new HushrydError('The call was cancelled.', { code: 'CANCELLED' }))
    const timer = runtime.setTimer(
      () => giveUp(new HushrydError(`No answer within ${timeoutMs} ms.`, { code: 'DEADLINE_EXCEEDED' })),
      timeoutMs,
    )
    if (signal?.aborted) {
      onAbort()
      return
    }
    signal?.addEventListener('abort', onAbort)
    work(abort.signal).then(resolve, reject).finally(release)
  })
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
