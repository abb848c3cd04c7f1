/** What an upgrade request asks for, before anything about it is believed. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { UpgradeRefusal } from './events.ts'
import { binaryCodec } from './frames/binary-codec.ts'
import { type FrameCodec, PROTOCOL_BINARY, PROTOCOL_JSON } from './frames/codec.ts'
import { jsonCodec } from './frames/json-codec.ts'
import { isOriginAllowed } from './origin.ts'
import { isSecret, parseToken } from './session-token.ts'

export const WS_PATH = '/v1/ws'

export type Credential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'ticket'; readonly ticket: string }
  | { readonly kind: 'share'; readonly token: string }

export interface UpgradeRequest {
  readonly codec: FrameCodec
  /** What the answer names; undefined where the client offered none. */
  readonly protocol: FrameCodec['protocol'] | undefined
  readonly credential: Credential
}

/** Why it goes no further. */
export class UpgradeError extends Error {
  readonly refusal: UpgradeRefusal
  readonly error: DomainError
  /** Instead of the reason's own. */
  readonly status: number | undefined

  constructor(refusal: UpgradeRefusal, error: DomainError, status?: number) {
    super(error.message)
    this.refusal = refusal
    this.error = error
    this.status = status
  }
}

function refuse(refusal: UpgradeRefusal, reason: ErrorReason, message: string): never {
  throw new UpgradeError(refusal, new DomainError(reason, message))
}

interface RequestHead {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
}

function checkHandshake({ method, headers }: RequestHead): void {
  // RFC 6455, 4.2.1; the library checks it as well, but only after credentials were used.
  const isHandshake =
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '') &&
    headers['sec-websocket-version'] === '13'
  if (!isHandshake) {
    refuse('handshake', ErrorReason.ERROR_REASON_MALFORMED, 'This is no WebSocket handshake of version 13.')
  }
}

function chooseCodec(offered: string | undefined): Pick<UpgradeRequest, 'codec' | 'protocol'> {
  if (offered === undefined) return { codec: jsonCodec, protocol: undefined }
  for (const name of offered.split(',').map((part) => part.trim())) {
    if (name === PROTOCOL_JSON) return { codec: jsonCodec, protocol: name }
    if (name === PROTOCOL_BINARY) return { codec: binaryCodec, protocol: name }
  }
  return refuse(
    'handshake',
    ErrorReason.ERROR_REASON_INVALID_REQUEST,
    `Known subprotocols are ${PROTOCOL_JSON} and ${PROTOCOL_BINARY}.`,
  )
}

/** The header wins. What cannot be a credential is refused here, without a look at the store. */
function readCredential(query: URLSearchParams, authorization: string | undefined): Credential {
  const token = /^Bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1]
  const ticket = query.get('ticket')
  const share = query.get('share')
  if (authorization !== undefined) {
    if (token !== undefined && parseToken(token) !== undefined) return { kind: 'token', token }
  } else if (ticket !== null) {
    if (isSecret(ticket)) return { kind: 'ticket', ticket }
  } else if (share !== null) {
    if (isSecret(share)) return { kind: 'share', token: share }
  } else {
    const message = 'A WebSocket needs a bearer token, a ticket or a share link.'
    refuse('credentials', ErrorReason.ERROR_REASON_UNAUTHENTICATED, message)
  }
  return refuse(
    'credentials',
    ErrorReason.ERROR_REASON_UNAUTHENTICATED,
    'The token, ticket or share link is not valid.',
  )
}

/** Throws UpgradeError. */
export function readUpgrade(request: RequestHead, origins: readonly string[]): UpgradeRequest {
  const { url = '', headers } = request
  const [path = '', search = ''] = url.split('?', 2)
  if (path !== WS_PATH) {
    refuse('path', ErrorReason.ERROR_REASON_UNKNOWN_METHOD, `WebSockets are opened at ${WS_PATH}.`)
  }
  if (!isOriginAllowed(headers.origin, headers.host, origins)) {
    refuse('origin', ErrorReason.ERROR_REASON_FOREIGN_ORIGIN, 'Pages of this origin may not connect.')
  }
  checkHandshake(request)
  const chosen = chooseCodec(headers['sec-websocket-protocol'])
  return { ...chosen, credential: readCredential(new URLSearchParams(search), headers.authorization) }
}
