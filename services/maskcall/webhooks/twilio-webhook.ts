/**
 * Twilio's webhooks: https://www.twilio.com/docs/usage/webhooks/webhooks-security
 *
 * The signature is over the exact public address and the form's fields. That
 * address is built from the setting, never from what a proxy made of it.
 */
import { createHmac } from 'node:crypto'
import type { CallReport, Leg } from '../call.ts'
import { PhoneNumber } from '../phone-number.ts'
import type { WebhookKind, WebhookReading, WebhookRequest } from '../voice-provider.ts'
import { isSameSecret } from './comparison.ts'

export interface TwilioKeys {
  readonly authToken: string
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

/** https://www.twilio.com/docs/voice/api/call-resource#call-status-values */
const STATUSES: Readonly<Record<string, CallReport['status']>> = {
  initiated: 'ringing',
  queued: 'ringing',
  ringing: 'ringing',
  'in-progress': 'answered',
  answered: 'answered',
  completed: 'completed',
  busy: 'busy',
  'no-answer': 'no_answer',
  failed: 'failed',
  canceled: 'cancelled',
}

const CALL_ID = /^c_[A-Za-z0-9_-]{1,64}$/
const SID = /^[A-Z]{2}[0-9a-f]{32}$/
const MALFORMED: WebhookReading = { kind: 'refused', reason: 'malformed' }

/** Twilio's clock in the form, where it gives it: its posts overtake each other. */
function timeOf(fields: URLSearchParams, nowMs: number): number {
  const ms = Date.parse(fields.get('Timestamp') ?? '')
  return Number.isNaN(ms) ? nowMs : Math.min(ms, nowMs)
}

function readReport(query: URLSearchParams, fields: URLSearchParams, nowMs: number): WebhookReading {
  const providerCallId = fields.get('CallSid') ?? ''
  const callId = query.get('call')
  if (!SID.test(providerCallId) || (callId !== null && !CALL_ID.test(callId))) return MALFORMED
  const call = callId === null ? { providerCallId } : { callId }
  // The number's own callback tells of the phone that called in.
  const leg: Leg = query.get('leg') === 'callee' ? 'callee' : 'caller'
  const atMs = timeOf(fields, nowMs)
  const recordingSid = fields.get('RecordingSid') ?? ''
  if (recordingSid !== '') {
    if (!SID.test(recordingSid)) return MALFORMED
    const recordingRef = `twilio:${recordingSid}`
    return { kind: 'report', call, reports: [{ leg, status: 'noted', atMs, recordingRef }] }
  }
  const status = STATUSES[fields.get('CallStatus') ?? '']
  if (status === undefined) return MALFORMED
  const seconds = Number(fields.get('CallDuration') ?? '')
  const talkS =
    leg === 'callee' && status === 'completed' && Number.isInteger(seconds) ? Math.max(0, seconds) : 0
  return { kind: 'report', call, reports: [{ leg, status, atMs, talkS }] }
}

function readInbound(fields: URLSearchParams): WebhookReading {
  const providerCallId = fields.get('CallSid') ?? ''
  // Withheld numbers come as a word: whoever calls so is a stranger.
  const from = fields.get('From') ?? ''
  const to = fields.get('To') ?? ''
  if (!SID.test(providerCallId) || from === '' || to === '') return MALFORMED
  return { kind: 'inbound', ask: 'answer', providerCallId, from: new PhoneNumber(() => from), to }
}

export function readTwilioWebhook(
  { authToken, publicUrl }: TwilioKeys,
  kind: WebhookKind,
  { url, headers, body }: WebhookRequest,
  nowMs: number,
): WebhookReading {
  const fields = new URLSearchParams(Buffer.from(body).toString('utf8'))
  const { pathname, search, searchParams } = new URL(url, publicUrl)
  const signature = signTwilio(authToken, publicUrl + pathname + search, fields)
  if (!isSameSecret(headers['x-twilio-signature'] ?? '', signature))
    return { kind: 'refused', reason: 'bad_signature' }
  switch (kind) {
    case 'voice':
      return readInbound(fields)
    case 'call-status':
      return readReport(searchParams, fields, nowMs)
    case 'sms':
      return fields.get('From') && fields.get('To') ? { kind: 'sms' } : MALFORMED
  }
}
