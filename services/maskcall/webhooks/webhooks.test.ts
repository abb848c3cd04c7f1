import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PhoneNumber } from '../phone-number.ts'
import { createExotelVoice } from '../providers/exotel-voice.ts'
import { createTwilioVoice } from '../providers/twilio-voice.ts'
import type { VoiceProvider, WebhookKind, WebhookReading, WebhookRequest } from '../voice-provider.ts'
import { exotelCallToken } from './exotel-webhook.ts'
import { signTwilio } from './twilio-webhook.ts'

const publicUrl = 'https://calls.hushryd.example'
const authToken = 'a'.repeat(32)
const webhookSecret = 's'.repeat(32)
const times = { ringS: 30, callMaxS: 3_600 }
const twilio = createTwilioVoice({
  baseUrl: 'http://127.0.0.1:1',
  accountSid: `AC${'0'.repeat(32)}`,
  authToken,
  publicUrl,
  ...times,
})
const exotel = createExotelVoice({
  baseUrl: 'http://127.0.0.1:1',
  accountSid: 'hushryd1',
  apiKey: 'key',
  apiToken: 'token',
  webhookSecret,
  publicUrl,
  alertFlow: undefined,
  ...times,
})
const SID = `CA${'1'.repeat(32)}`

function fromTwilio(path: string, fields: Readonly<Record<string, string>>): WebhookRequest {
  const body = new URLSearchParams(fields)
  const url = publicUrl + path
  return {
    url,
    headers: { 'x-twilio-signature': signTwilio(authToken, url, body) },
    body: Buffer.from(body.toString()),
  }
}

function fromExotel(path: string, body = ''): WebhookRequest {
  return { url: publicUrl + path, headers: {}, body: Buffer.from(body) }
}

function reasonOf(reading: WebhookReading): string | undefined {
  return reading.kind === 'refused' ? reading.reason : undefined
}

/** The example of Twilio's own documentation of its signatures. */
test('Twilio’s published example has the published signature', () => {
  const fields = new URLSearchParams({
    CallSid: 'CA1234567890ABCDE',
    Caller: '+12349013030',
    Digits: '1234',
    From: '+12349013030',
    To: '+18005551212',
  })
  expect(signTwilio('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', fields)).toBe(
    '0/KCTR6DLpKmkAf8muzZqo1nDgQ=',
  )
})

describe('what is forged', () => {
  const inbound = fromTwilio('/v1/webhooks/twilio/voice', {
    CallSid: SID,
    From: '+919876543210',
    To: '+918047190000',
  })

  test('is refused from Twilio: any change of the address, a field, or the signature', () => {
    expect(twilio.readWebhook('voice', inbound).kind).toBe('inbound')
    const changed: WebhookRequest[] = [
      { ...inbound, url: `${inbound.url}?call=c_1` },
      { ...inbound, body: Buffer.from(`${Buffer.from(inbound.body)}0`) },
      { ...inbound, headers: {} },
      { ...inbound, headers: { 'x-twilio-signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' } },
    ]
    for (const request of changed)
      expect(reasonOf(twilio.readWebhook('voice', request))).toBe('bad_signature')
  })

  test('is refused from Exotel: no secret, a wrong one, another call’s token', () => {
    const flow = 'step=route&CallSid=abcdef0123456789&CallFrom=09876543210&CallTo=08047200000'
    const good = fromExotel(`/v1/webhooks/exotel/voice?secret=${webhookSecret}&${flow}`)
    expect(exotel.readWebhook('voice', good)).toMatchObject({
      kind: 'inbound',
      ask: 'route',
      to: '+918047200000',
    })
    for (const secret of ['', `secret=${'x'.repeat(32)}&`])
      expect(
        reasonOf(exotel.readWebhook('voice', fromExotel(`/v1/webhooks/exotel/voice?${secret}${flow}`))),
      ).toBe('bad_signature')
    const token = exotelCallToken(webhookSecret, 'c_one')
    const path = (call: string) => `/v1/webhooks/exotel/call-status?call=${call}&token=${token}`
    const body = JSON.stringify({ EventType: 'terminal', Status: 'completed', Legs: [] })
    expect(exotel.readWebhook('call-status', fromExotel(path('c_one'), body)).kind).toBe('report')
    expect(reasonOf(exotel.readWebhook('call-status', fromExotel(path('c_two'), body)))).toBe('bad_signature')
  })

  test('never throws, whatever is posted', () => {
    const kinds = fc.constantFrom<WebhookKind>('voice', 'call-status', 'sms')
    fc.assert(
      fc.property(
        kinds,
        fc.constantFrom<VoiceProvider>(twilio, exotel),
        fc.uint8Array(),
        fc.webQueryParameters(),
        (kind, provider, body, query) => {
          const url = `${publicUrl}/v1/webhooks/${provider.name}/${kind}?${query}`
          expect(provider.readWebhook(kind, { url, headers: {}, body }).kind).toBe('refused')
        },
      ),
    )
  })
})

describe('what is malformed although it is signed', () => {
  test.each<[WebhookKind, string, Record<string, string>]>([
    ['voice', '', {}],
    ['voice', '', { CallSid: 'x', From: '+919876543210', To: '+918047190000' }],
    ['voice', '', { CallSid: SID, From: '', To: '+918047190000' }],
    ['call-status', '', { CallSid: SID }],
    ['call-status', '', { CallSid: SID, CallStatus: 'odd' }],
    ['call-status', '?call=../x', { CallSid: SID, CallStatus: 'completed' }],
    ['call-status', '', { CallSid: SID, RecordingSid: 'https://example.com/RE1' }],
    ['sms', '', { Body: 'x' }],
  ])('%s of Twilio%s: %j', (kind, query, fields) => {
    expect(
      reasonOf(twilio.readWebhook(kind, fromTwilio(`/v1/webhooks/twilio/${kind}${query}`, fields))),
    ).toBe('malformed')
  })

  test.each([
    ['voice', 'step=odd&CallSid=abcdef0123456789&CallTo=0804'],
    ['voice', 'step=route&CallSid=&CallTo=0804'],
    ['call-status', 'CallSid=abcdef0123456789'],
  ] as const)('%s of Exotel: %s', (kind, query) => {
    const path = `/v1/webhooks/exotel/${kind}?secret=${webhookSecret}&${query}`
    expect(reasonOf(exotel.readWebhook(kind, fromExotel(path)))).toBe('malformed')
  })

  test.each(['{', '{"EventType":"terminal","Status":"odd"}', ''])('a report of Exotel: %j', (body) => {
    const path = `/v1/webhooks/exotel/call-status?call=c_1&token=${exotelCallToken(webhookSecret, 'c_1')}`
    expect(reasonOf(exotel.readWebhook('call-status', fromExotel(path, body)))).toBe('malformed')
  })
})

describe('answers', () => {
  const connect = {
    kind: 'connect',
    callId: 'c_1',
    virtualNumber: '+918047190000',
    callee: new PhoneNumber(() => '+919876543210'),
    isRecorded: false,
  } as const

  test('always name the caller id', () => {
    expect(twilio.writeInbound('answer', connect).body).toContain('callerId="+918047190000"')
    expect(JSON.parse(exotel.writeInbound('answer', connect).body)).toMatchObject({
      outgoing_phone_number: '+918047190000',
      record: false,
    })
  })

  test('hold a number only where a provider is to dial it', () => {
    const answers = (['route', 'message'] as const).map((ask) => exotel.writeInbound(ask, connect))
    for (const answer of answers) expect(JSON.stringify(answer)).not.toContain('9876543210')
  })

  test('a number shows itself to nobody who does not ask', () => {
    const number = connect.callee
    const shown = [
      JSON.stringify({ number }),
      String(number),
      `${number}`,
      inspect({ number }, { showHidden: true }),
    ]
    for (const text of shown) expect(text).not.toContain('9876543210')
    expect(number.reveal()).toBe('+919876543210')
  })
})
