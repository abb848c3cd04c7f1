/**
 * Firebase Cloud Messaging v1, and the place where Google changes a service
 * account's signed assertion for an access token.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
 */
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import {
  type Fields,
  fieldsOf,
  headerOf,
  jsonOf,
  type SandboxReply,
  type SandboxRequest,
} from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import { type SandboxProvider, take } from '../sandbox-provider.ts'

const TOKEN_LIFE_S = 3600
/** Each lives an hour; more than these are in use by nobody. */
const TOKENS_MAX = 1000

interface KnownError {
  readonly http: number
  readonly status: string
  /** Where the error is about one field. */
  readonly field?: string
}

const ERRORS: Readonly<Record<string, KnownError>> = {
  INVALID_ARGUMENT: { http: 400, status: 'INVALID_ARGUMENT' },
  INVALID_TOKEN: { http: 400, status: 'INVALID_ARGUMENT', field: 'message.token' },
  UNREGISTERED: { http: 404, status: 'NOT_FOUND' },
  SENDER_ID_MISMATCH: { http: 403, status: 'PERMISSION_DENIED' },
  THIRD_PARTY_AUTH_ERROR: { http: 401, status: 'UNAUTHENTICATED' },
  UNAUTHENTICATED: { http: 401, status: 'UNAUTHENTICATED' },
  QUOTA_EXCEEDED: { http: 429, status: 'RESOURCE_EXHAUSTED' },
  UNAVAILABLE: { http: 503, status: 'UNAVAILABLE' },
  INTERNAL: { http: 500, status: 'INTERNAL' },
}

function refusal(code: string): SandboxReply | undefined {
  const known = ERRORS[code]
  if (known === undefined) return undefined
  const { http, status, field } = known
  const errorCode = field === undefined ? code : status
  const details: Fields[] =
    code === 'UNAUTHENTICATED'
      ? []
      : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode }]
  if (field !== undefined)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [{ field, description: 'Invalid registration token' }],
    })
  return { status: http, body: { error: { code: http, message: `${code} by request`, status, details } } }
}

function decode(part: string | undefined): Fields {
  try {
    return fieldsOf(JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8')))
  } catch {
    return {}
  }
}

export function fcmSandbox(keys: SandboxKeys['fcm']): SandboxProvider {
  const about = { name: 'fcm', channel: 'push' } as const
  const path = `/v1/projects/${keys.projectId}/messages:send`
  const publicKey = createPublicKey(keys.privateKey)
  const tokens = new Map<string, number>()

  function isAssertion(assertion: string): boolean {
    const [header, claims, signature = ''] = assertion.split('.')
    const { iss, aud, exp } = decode(claims)
    if (iss !== keys.clientEmail || typeof aud !== 'string' || !aud.endsWith('/token')) return false
    if (typeof exp !== 'number' || exp * 1000 < Date.now()) return false
    return verify(
      'sha256',
      Buffer.from(`${header}.${claims}`),
      publicKey,
      Buffer.from(signature, 'base64url'),
    )
  }

  function exchange({ body }: SandboxRequest): SandboxReply {
    const form = new URLSearchParams(body.toString('utf8'))
    if (!isAssertion(form.get('assertion') ?? ''))
      return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } }
    if (tokens.size >= TOKENS_MAX) tokens.clear()
    const value = `ya29.${randomBytes(40).toString('base64url')}`
    tokens.set(value, Date.now() + TOKEN_LIFE_S * 1000)
    return { status: 200, body: { access_token: value, expires_in: TOKEN_LIFE_S, token_type: 'Bearer' } }
  }

  function refuse(code: string) {
    return { reply: refusal(code) ?? { status: 400, body: {} }, taken: [] }
  }

  return {
    ...about,
    matches: (request) => request.method === 'POST' && request.path === path,
    receive(request) {
      const bearer = headerOf(request, 'authorization').replace(/^Bearer /, '')
      if ((tokens.get(bearer) ?? 0) < Date.now()) return refuse('UNAUTHENTICATED')
      const message = fieldsOf(jsonOf(request).message)
      const { title, body } = fieldsOf(message.notification)
      if (typeof message.token !== 'string' || message.token === '') return refuse('INVALID_TOKEN')
      const id = `projects/${keys.projectId}/messages/0:${randomBytes(8).toString('hex')}`
      const newcomer = { id, from: keys.projectId, to: message.token, body: String(body ?? '') }
      const taken = take(about, title === undefined ? newcomer : { ...newcomer, subject: String(title) })
      return { reply: { status: 200, body: { name: id } }, taken: [taken] }
    },
    failure: () => refusal('UNAVAILABLE') ?? { status: 503, body: {} },
    refusal,
    serve: (request) =>
      request.method === 'POST' && request.path === '/token' ? exchange(request) : undefined,
  }
}
