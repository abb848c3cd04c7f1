/** Push by Firebase Cloud Messaging, HTTP v1. It has no receipts. */
import type { OutgoingMessage, Provider, SendResult } from '../provider.ts'
import { GoogleTokens, type ServiceAccount } from './google-token.ts'
import { fieldsOf } from './json.ts'
import { postJson } from './json-post.ts'
import { badAccount, badAddress, badMessage, type RefusalRule, refused, refusedByStatus } from './refusal.ts'

export interface FcmOptions {
  readonly baseUrl: string
  readonly account: ServiceAccount
  readonly nowMs?: () => number
}

/** https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode; those not here come with 429 or 5xx. */
const REFUSALS: Readonly<Record<string, RefusalRule>> = {
  INVALID_ARGUMENT: badMessage('a field is not accepted'),
  SENDER_ID_MISMATCH: badAddress('the token belongs to another sender'),
  THIRD_PARTY_AUTH_ERROR: badAccount('the certificate for Apple’s or the web’s push is not accepted'),
  UNAUTHENTICATED: badAccount('the credentials are not accepted'),
  PERMISSION_DENIED: badAccount('the credentials lack the right'),
  UNREGISTERED: badAddress('the app is gone from the device'),
}

function detailsOf(error: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  return Array.isArray(error.details) ? error.details.map(fieldsOf) : []
}

/** FCM's own code where there is one, else the status that all of Google's APIs have. */
function codeOf(error: Readonly<Record<string, unknown>>): string {
  const own = detailsOf(error).find(({ errorCode }) => typeof errorCode === 'string')
  return String(own?.errorCode ?? error.status ?? '')
}

/** An INVALID_ARGUMENT that is about the token and not about our message. */
function blamesToken(error: Readonly<Record<string, unknown>>): boolean {
  return detailsOf(error)
    .flatMap(({ fieldViolations }) => (Array.isArray(fieldViolations) ? fieldViolations.map(fieldsOf) : []))
    .some(({ field }) => field === 'message.token')
}

export function createFcm({ baseUrl, account, nowMs }: FcmOptions): Provider {
  const tokens = new GoogleTokens(account, nowMs)
  const url = new URL(`/v1/projects/${encodeURIComponent(account.projectId)}/messages:send`, baseUrl).href

  return {
    name: 'fcm',
    channel: 'push',
    hasReceipts: false,
    async send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
      const { status, body } = await postJson({
        provider: 'fcm',
        url,
        headers: { authorization: `Bearer ${await tokens.get(signal)}` },
        body: {
          message: {
            token: message.to,
            notification: {
              ...(message.title === undefined ? {} : { title: message.title }),
              body: message.text,
            },
            ...(message.data === undefined ? {} : { data: message.data }),
            // Wakes a phone that sleeps; what is low has been held back before it comes here.
            android: { priority: 'HIGH' },
            apns: { headers: { 'apns-priority': '10' } },
          },
        },
        signal,
      })
      if (status < 300 && typeof body.name === 'string') return { kind: 'accepted', providerId: body.name }
      const error = fieldsOf(body.error)
      const code = codeOf(error)
      if (status === 401) tokens.forget()
      if (code === 'INVALID_ARGUMENT' && blamesToken(error))
        return refused(code, badAddress('the token is none of Firebase'))
      const rule = REFUSALS[code]
      return rule === undefined ? refusedByStatus(status, code || status) : refused(code, rule)
    },
  }
}
