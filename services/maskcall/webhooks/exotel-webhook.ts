/**
 * Exotel's webhooks. It signs nothing, so the addresses that its flows ask
 * carry a secret, and the one that a call reports to a token that is good for
 * this call alone.
 * https://developer.exotel.com/docs/voice-v1/api-reference/status-callback
 */
import { parsePhoneNumberFromString } from 'libphonenumber-js'
import type { CallReport, Leg } from '../call.ts'
import { PhoneNumber } from '../phone-number.ts'
import type { WebhookKind, WebhookReading, WebhookRequest } from '../voice-provider.ts'
import { isSameSecret, tokenOf } from './comparison.ts'

type Fields = Readonly<Record<string, unknown>>

const STATUSES: Readonly<Record<string, CallReport['status']>> = {
  'in-progress': 'answered',
  completed: 'completed',
  busy: 'busy',
  'no-answer': 'no_answer',
  failed: 'failed',
  canceled: 'cancelled',
}

/** How a flow's Connect applet ended. */
const CALL_TYPES: Readonly<Record<string, CallReport['status']>> = {
  completed: 'completed',
  incomplete: 'no_answer',
  'client-hangup': 'cancelled',
  'call-attempt': 'cancelled',
}

const ASKS = { route: 'route', connect: 'answer', say: 'message' } as const

const CALL_ID = /^c_[A-Za-z0-9_-]{1,64}$/
const SID = /^[A-Za-z0-9]{8,64}$/
const LEGS: readonly Leg[] = ['caller', 'callee']
const MALFORMED: WebhookReading = { kind: 'refused', reason: 'malformed' }
const BAD_SIGNATURE: WebhookReading = { kind: 'refused', reason: 'bad_signature' }

export function exotelCallToken(secret: string, callId: string): string {
  return tokenOf(secret, `call-status ${callId}`)
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function secondsOf(value: unknown): number {
  const seconds = Number(textOf(value))
  return Number.isFinite(seconds) && seconds > 0 ? Math.round(seconds) : 0
}

/** Undefined for what is neither JSON nor a form. */
function readBody(body: Uint8Array): Fields | undefined {
  const text = Buffer.from(body).toString('utf8')
  if (!text.startsWith('{')) return Object.fromEntries(new URLSearchParams(text))
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Exotel writes Indian numbers as they are dialled at home; what is no number stays what it is, and is nobody's. */
function e164Of(written: string): string {
  return parsePhoneNumberFromString(written, 'IN')?.number ?? written
}

/** The recording's own name: its address would be a way to it. */
function recordingRefOf(url: string): string {
  if (!URL.canParse(url)) return ''
  const name = new URL(url).pathname.split('/').at(-1) ?? ''
  return /^[A-Za-z0-9._-]{1,120}$/.test(name) ? `exotel:${name}` : ''
}

function readLegs(fields: Fields, atMs: number): CallReport[] {
  const legs = Array.isArray(fields.Legs) ? fields.Legs : []
  return LEGS.flatMap((leg, index) => {
    const status = STATUSES[textOf(fieldsOf(legs[index]).Status)]
    return status === undefined ? [] : [{ leg, status, atMs }]
  })
}

function readReport(callId: string, fields: Fields, atMs: number): WebhookReading {
  const status = STATUSES[textOf(fields.Status)]
  const reports = readLegs(fields, atMs)
  const isTerminal = textOf(fields.EventType) !== 'answered'
  if (isTerminal) {
    if (status === undefined || status === 'answered') return MALFORMED
    const talkS = secondsOf(fields.ConversationDuration)
    const recordingRef = recordingRefOf(textOf(fields.RecordingUrl))
    // A terminal report is the end of the call, whatever its legs say.
    const hasEnd = reports.some((report) => report.status !== 'answered')
    if (!hasEnd) reports.push({ leg: 'callee', status, atMs })
    reports.push({ leg: 'callee', status: 'noted', atMs, talkS, recordingRef })
  } else if (reports.length === 0) {
    reports.push({ leg: 'caller', status: 'answered', atMs })
  }
  return { kind: 'report', call: { callId }, reports }
}

function readFlowEnd(query: URLSearchParams, atMs: number): WebhookReading {
  const providerCallId = query.get('CallSid') ?? ''
  const status =
    STATUSES[query.get('DialCallStatus') ?? ''] ?? CALL_TYPES[query.get('CallType') ?? ''] ?? undefined
  if (!SID.test(providerCallId) || status === undefined) return MALFORMED
  const talkS = status === 'completed' ? secondsOf(query.get('DialCallDuration')) : 0
  return { kind: 'report', call: { providerCallId }, reports: [{ leg: 'callee', status, atMs, talkS }] }
}

function readStatus(secret: string, query: URLSearchParams, body: Uint8Array, atMs: number): WebhookReading {
  const callId = query.get('call')
  if (callId === null) {
    return isSameSecret(query.get('secret') ?? '', secret) ? readFlowEnd(query, atMs) : BAD_SIGNATURE
  }
  if (!isSameSecret(query.get('token') ?? '', exotelCallToken(secret, callId))) return BAD_SIGNATURE
  const fields = readBody(body)
  return fields === undefined || !CALL_ID.test(callId) ? MALFORMED : readReport(callId, fields, atMs)
}

function readInbound(query: URLSearchParams): WebhookReading {
  const step = query.get('step') ?? ''
  const ask = step === 'route' || step === 'connect' || step === 'say' ? ASKS[step] : undefined
  const providerCallId = query.get('CallSid') ?? ''
  const from = query.get('CallFrom') ?? ''
  const to = query.get('CallTo') ?? ''
  if (ask === undefined || !SID.test(providerCallId) || to === '') return MALFORMED
  return { kind: 'inbound', ask, providerCallId, from: new PhoneNumber(() => e164Of(from)), to: e164Of(to) }
}

export function readExotelWebhook(
  secret: string,
  kind: WebhookKind,
  { url, body }: WebhookRequest,
  nowMs: number,
): WebhookReading {
  const { searchParams: query } = new URL(url, 'http://localhost')
  if (kind === 'call-status') return readStatus(secret, query, body, nowMs)
  if (!isSameSecret(query.get('secret') ?? '', secret)) return BAD_SIGNATURE
  return kind === 'sms' ? { kind: 'sms' } : readInbound(query)
}
