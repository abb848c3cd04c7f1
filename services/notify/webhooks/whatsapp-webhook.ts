/**
 * WhatsApp's webhooks: HMAC-SHA256 of the bytes, and the question by which
 * Meta makes sure of the address when it is set up.
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started
 */
import { createHmac } from 'node:crypto'
import { type Fields, fieldsOf, itemsOf, parseJson, textOf } from '../providers/json.ts'
import { isSameSecret } from './comparison.ts'
import { accept, type ReceivedReceipt, refuse, type WebhookRequest, type WebhookResult } from './webhook.ts'

export interface WhatsappKeys {
  readonly appSecret: string
  /** Without it Meta's question is refused. */
  readonly verifyToken: string | undefined
}

export function signWhatsapp(appSecret: string, body: Uint8Array): string {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`
}

const STATUSES: Readonly<Record<string, ReceivedReceipt['status']>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  failed: 'failed',
}

function readReceipt(reported: Fields): ReceivedReceipt | undefined {
  const providerId = textOf(reported.id)
  const status = STATUSES[textOf(reported.status)]
  if (providerId === '' || status === undefined) return undefined
  const [error] = itemsOf(reported.errors)
  return {
    provider: 'whatsapp',
    providerId,
    eventId: `${providerId}:${status}`,
    status,
    atMs: Number(reported.timestamp) * 1000 || 0,
    ...(error === undefined ? {} : { errorCode: textOf(error.code) }),
  }
}

function readReceipts(body: unknown): readonly ReceivedReceipt[] {
  return itemsOf(fieldsOf(body).entry)
    .flatMap(({ changes }) => itemsOf(changes))
    .flatMap(({ value }) => itemsOf(fieldsOf(value).statuses))
    .flatMap((reported) => readReceipt(reported) ?? [])
}

/** Goes back as it came, so it may be nothing that a browser would take for a page. */
const CHALLENGE = /^[\w-]{1,200}$/

function answerQuestion(query: URLSearchParams, verifyToken: string | undefined): WebhookResult {
  const challenge = query.get('hub.challenge') ?? ''
  if (verifyToken === undefined) return refuse('not_configured')
  if (!isSameSecret(query.get('hub.verify_token') ?? '', verifyToken)) return refuse('bad_signature')
  if (!CHALLENGE.test(challenge)) return refuse('malformed')
  return {
    kind: 'accepted',
    receipts: [],
    answer: { status: 200, contentType: 'text/plain', body: challenge },
  }
}

export function readWhatsappWebhook(
  { appSecret, verifyToken }: WhatsappKeys,
  { url, headers, body }: WebhookRequest,
): WebhookResult {
  const query = new URL(url, 'http://localhost').searchParams
  if (body.length === 0 && query.get('hub.mode') === 'subscribe') return answerQuestion(query, verifyToken)
  if (!isSameSecret(headers['x-hub-signature-256'] ?? '', signWhatsapp(appSecret, body)))
    return refuse('bad_signature')
  const parsed = parseJson(body)
  return parsed === undefined ? refuse('malformed') : accept(readReceipts(parsed))
}
