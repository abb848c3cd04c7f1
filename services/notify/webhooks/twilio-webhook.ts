/**
 * Twilio's status callbacks: https://www.twilio.com/docs/usage/webhooks/webhooks-security
 *
 * The signature is over the exact public address and the form's fields, and
 * has no time: the id of an event is the message and its status, which Twilio
 * reports once.
 */
import { createHmac } from 'node:crypto'
import { isSameSecret } from './comparison.ts'
import { accept, type ReceivedReceipt, refuse, type WebhookRequest, type WebhookResult } from './webhook.ts'

export interface TwilioKeys {
  readonly authToken: string
  /** Scheme, host and port as Twilio was given them; what a proxy made of the request does not matter. */
  readonly publicUrl: string
}

/** What each name stands for once, in order; several values of a name in order too, and each once. */
export function signTwilio(authToken: string, url: string, fields: URLSearchParams): string {
  const hmac = createHmac('sha1', authToken).update(url)
  for (const name of [...new Set(fields.keys())].sort()) {
    for (const value of [...new Set(fields.getAll(name))].sort()) hmac.update(name + value)
  }
  return hmac.digest('base64')
}

const STATUSES: Readonly<Record<string, ReceivedReceipt['status']>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  undelivered: 'failed',
  failed: 'failed',
}

/** Unknown or no longer in use, and landline: https://www.twilio.com/docs/api/errors/30005 */
const BOUNCES = new Set(['30005', '30006'])

function readReceipts(fields: URLSearchParams, atMs: number): readonly ReceivedReceipt[] | undefined {
  const providerId = fields.get('MessageSid')
  const reported = fields.get('MessageStatus')
  if (!providerId || !reported) return undefined
  const status = STATUSES[reported]
  // Queued, sending and the like.
  if (status === undefined) return []
  const errorCode = fields.get('ErrorCode') ?? undefined
  const isBounce = status === 'failed' && errorCode !== undefined && BOUNCES.has(errorCode)
  return [
    {
      provider: 'twilio',
      providerId,
      eventId: `${providerId}:${reported}`,
      status: isBounce ? 'bounced' : status,
      atMs,
      ...(errorCode === undefined ? {} : { errorCode }),
    },
  ]
}

export function readTwilioWebhook(
  { authToken, publicUrl }: TwilioKeys,
  { url, headers, body }: WebhookRequest,
  nowMs: number,
): WebhookResult {
  const fields = new URLSearchParams(Buffer.from(body).toString('utf8'))
  const { pathname, search } = new URL(url, publicUrl)
  const signedUrl = publicUrl.replace(/\/$/, '') + pathname + search
  if (!isSameSecret(headers['x-twilio-signature'] ?? '', signTwilio(authToken, signedUrl, fields)))
    return refuse('bad_signature')
  const receipts = readReceipts(fields, nowMs)
  return receipts === undefined ? refuse('malformed') : accept(receipts)
}
