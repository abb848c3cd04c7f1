/**
 * MSG91's delivery reports, in the form of its "Webhook (New)".
 *
 * MSG91 signs nothing. What it offers is headers of one's own choice, and an
 * address with a query: a shared secret travels in either. So a report is
 * believed from whoever knows the secret, and says no more than what it says.
 * https://msg91.com/help/webhook-new/how-to-receive-sms-delivery-reports-via-webhook-new
 */

import { type Fields, itemsOf, parseJson, textOf } from '../providers/json.ts'
import { isSameSecret } from './comparison.ts'
import { accept, type ReceivedReceipt, refuse, type WebhookRequest, type WebhookResult } from './webhook.ts'

export const SECRET_HEADER = 'x-webhook-secret'

/** 9: refused by the register of those who want no advertising; 16, 25: rejected; 17: blocked number. */
const STATUSES: Readonly<Record<string, ReceivedReceipt['status']>> = {
  '1': 'delivered',
  '2': 'failed',
  '9': 'failed',
  '16': 'failed',
  '17': 'failed',
  '25': 'failed',
  delivered: 'delivered',
  failed: 'failed',
  rejected: 'failed',
  blocked: 'failed',
  ndnc: 'failed',
  submitted: 'sent',
  sent: 'sent',
}

function readReceipt(report: Fields, nowMs: number): ReceivedReceipt | undefined {
  const providerId = textOf(report.requestId)
  const reported = textOf(report.status).toLowerCase()
  const status = STATUSES[reported]
  if (providerId === '' || status === undefined) return undefined
  return {
    provider: 'msg91',
    providerId,
    eventId: `${providerId}:${status}`,
    status,
    // Its times are written without a zone.
    atMs: nowMs,
    ...(status === 'failed' ? { errorCode: reported } : {}),
  }
}

export function readMsg91Webhook(
  secret: string,
  { url, headers, body }: WebhookRequest,
  nowMs: number,
): WebhookResult {
  const given = headers[SECRET_HEADER] ?? new URL(url, 'http://localhost').searchParams.get('secret') ?? ''
  if (!isSameSecret(given, secret)) return refuse('bad_signature')
  const parsed = parseJson(body)
  if (typeof parsed !== 'object' || parsed === null) return refuse('malformed')
  const reports = itemsOf(Array.isArray(parsed) ? parsed : [parsed])
  return accept(reports.flatMap((report) => readReceipt(report, nowMs) ?? []))
}
