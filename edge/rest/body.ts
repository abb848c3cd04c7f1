/** A request's body, bounded, and as JSON. */
import type { IncomingMessage } from 'node:http'
import type { JsonValue } from '@bufbuild/protobuf'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { RestError } from './problem.ts'

export const BODY_BYTES_MAX = 256 * 1024

function tooLarge(): RestError {
  return new RestError(
    ErrorReason.ERROR_REASON_TOO_LARGE,
    `A body has at most ${BODY_BYTES_MAX} bytes.`,
    // The rest is not read, so the connection cannot carry another request.
    { headers: { connection: 'close' } },
  )
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge()
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let bytes = 0
  const gone = (): void =>
    reject(new DomainError(ErrorReason.ERROR_REASON_CANCELLED, 'The caller went away.'))
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk)
    else {
      request.pause()
      reject(tooLarge())
    }
  })
  request.once('end', () => resolve(Buffer.concat(chunks)))
  request.once('error', gone)
  request.once('close', gone)
  return await promise
}

const JSON_TYPE = /^application\/(?:[A-Za-z0-9.-]+\+)?json\s*(?:;|$)/i

function unsupported(message: string): RestError {
  return new RestError(ErrorReason.ERROR_REASON_MALFORMED, message, { status: 415 })
}

/** Undefined where there is no body. */
export function parseJsonBody(headers: IncomingMessage['headers'], body: Buffer): JsonValue | undefined {
  if (body.length === 0) return undefined
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw unsupported('A body is application/json.')
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw unsupported('A body comes uncompressed.')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as JsonValue
  } catch {
    throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The body is no JSON in UTF-8.')
  }
}
