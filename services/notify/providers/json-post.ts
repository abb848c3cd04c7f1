/** One POST to a provider without an SDK. */
import type { ProviderName } from '../provider.ts'
import { type Fields, fieldsOf, parseJson } from './json.ts'
import { isUnavailableStatus, ProviderUnavailable, readRetryAfterMs, unavailable } from './unavailable.ts'

export interface JsonPost {
  readonly provider: ProviderName
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly signal: AbortSignal
}

export interface JsonAnswer {
  readonly status: number
  /** Empty where the answer is no JSON object. */
  readonly body: Fields
}

/** Answers below 500, 408 and 429 apart; throws ProviderUnavailable for the others. */
export async function postJson({ provider, url, headers, body, signal }: JsonPost): Promise<JsonAnswer> {
  let status: number
  let retryAfter: string | null
  let text: string
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      redirect: 'error',
      signal,
    })
    status = response.status
    retryAfter = response.headers.get('retry-after')
    text = await response.text()
  } catch (error) {
    throw unavailable(provider, error, signal)
  }
  if (isUnavailableStatus(status))
    throw new ProviderUnavailable(provider, String(status), readRetryAfterMs(retryAfter))
  return { status, body: fieldsOf(parseJson(text)) }
}
