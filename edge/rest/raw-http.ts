/** Webhooks: what a provider posts goes to the service as it came, and what the service says goes back. */
import type { IncomingHttpHeaders } from 'node:http'
import type { JsonObject } from '../bridge/json-object.ts'
import type { Exchange } from './exchange.ts'

export interface RawRequestParts {
  readonly exchange: Exchange
  readonly publicUrl: string
  readonly body: Buffer
}

/** Ours to attach, or the proxy's: a provider's signature covers none of them. */
const INTERNAL_HEADER = /^(?:x-hushryd-|x-forwarded-client-cert$)/

function headersJson(headers: IncomingHttpHeaders): JsonObject {
  const json: JsonObject = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || INTERNAL_HEADER.test(name)) continue
    json[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return json
}

/**
 * The fields beside the path's variables. The URL is built from the setting:
 * signatures cover it, and Host is whatever the sender wrote.
 */
export function rawRequestJson({ exchange, publicUrl, body }: RawRequestParts): JsonObject {
  return {
    url: publicUrl.replace(/\/$/, '') + (exchange.request.url ?? ''),
    headers: headersJson(exchange.request.headers),
    body: body.toString('base64'),
  }
}

/** Answers with `status`, `content_type` and `body` of the response. */
export function answerRaw(exchange: Exchange, { status, contentType, body }: JsonObject): void {
  if (typeof status !== 'number' || status < 200 || status > 599 || typeof body !== 'string') {
    throw new Error(`a raw answer with the status ${status}`)
  }
  const type =
    typeof contentType === 'string' && contentType !== '' ? contentType : 'text/plain; charset=utf-8'
  exchange.answer(
    status,
    { 'content-type': type, 'cache-control': 'no-store' },
    status === 204 ? '' : Buffer.from(body, 'base64'),
  )
}
