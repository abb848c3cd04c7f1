/**
 * SendGrid's signed event webhook: ECDSA over P-256 of the time and the bytes.
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 */
import { type KeyObject, verify } from 'node:crypto'
import { type Fields, itemsOf, parseJson, textOf } from '../providers/json.ts'
import { decodeBase64 } from './comparison.ts'
import { accept, type ReceivedReceipt, refuse, type WebhookRequest, type WebhookResult } from './webhook.ts'

export const SIGNATURE_HEADER = 'x-twilio-email-event-webhook-signature'
export const TIMESTAMP_HEADER = 'x-twilio-email-event-webhook-timestamp'

/** SendGrid keeps a list of its own; a text that it drops for that reason says so. */
const SUPPRESSED = /bounced address|invalid|unsubscribed|spam reporting/i

function statusOf({ event, type, reason }: Fields): ReceivedReceipt['status'] | undefined {
  switch (event) {
    case 'processed':
      return 'sent'
    case 'delivered':
      return 'delivered'
    case 'open':
      return 'read'
    case 'bounce':
      // `blocked`: the other side would not take it now.
      return type === 'blocked' ? 'failed' : 'bounced'
    case 'dropped':
      return SUPPRESSED.test(textOf(reason)) ? 'bounced' : 'failed'
    default:
      // Deferred ones are tried again by SendGrid; clicks and the like are no receipts.
      return undefined
  }
}

function readReceipt(event: Fields): ReceivedReceipt | undefined {
  const status = statusOf(event)
  const eventId = textOf(event.sg_event_id)
  // The message's own id, and after a dot what it became inside of SendGrid.
  const [providerId = ''] = textOf(event.sg_message_id).split('.')
  if (status === undefined || eventId === '' || providerId === '') return undefined
  const errorCode = textOf(event.status)
  return {
    provider: 'sendgrid',
    providerId,
    eventId,
    status,
    atMs: Number(event.timestamp) * 1000 || 0,
    ...(errorCode === '' ? {} : { errorCode }),
  }
}

export function readSendgridWebhook(publicKey: KeyObject, { headers, body }: WebhookRequest): WebhookResult {
  const timestamp = headers[TIMESTAMP_HEADER] ?? ''
  const signature = decodeBase64(headers[SIGNATURE_HEADER] ?? '')
  const signed = Buffer.concat([Buffer.from(timestamp), body])
  if (signature === undefined || !verify('sha256', signed, publicKey, signature))
    return refuse('bad_signature')
  const events = parseJson(body)
  if (!Array.isArray(events)) return refuse('malformed')
  const receipts = itemsOf(events).flatMap((event) => readReceipt(event) ?? [])
  return accept(receipts, Number(timestamp) * 1000 || 0)
}
