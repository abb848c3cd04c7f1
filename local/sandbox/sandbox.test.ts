import { generateKeyPairSync, sign, verify, X509Certificate } from 'node:crypto'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { selfSign } from './certificate.ts'
import { Inbox, MESSAGES_MAX, type Message, PAGE_MAX } from './inbox.ts'
import { makeSandboxKeys, readSandboxKeys } from './keys.ts'
import { registerTexts } from './registered-texts.ts'
import { type Sandbox, startSandbox } from './sandbox.ts'
import { readTwiml } from './voice/twilio-voice.ts'

const keys = makeSandboxKeys()
let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({
    host: '127.0.0.1',
    port: 0,
    keys,
    texts: registerTexts([]),
    // Nobody listens: what is reported is lost.
    webhookUrl: 'http://127.0.0.1:1',
    receiptDelayMs: 60_000,
    log: createMemoryLog().log,
  })
})
beforeEach(() => sandbox.inbox.clear())
afterAll(() => sandbox[Symbol.asyncDispose]())

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(sandbox.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return { status: response.status, body: isJson ? JSON.parse(text) : text }
}

async function sendSms(to: string, text: string): Promise<Response> {
  const { accountSid, authToken } = keys.twilio
  return await fetch(`${sandbox.url}/2010-04-01/Accounts/${accountSid}/Messages.json`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}` },
    body: new URLSearchParams({ To: to, From: '+15005550006', Body: text }),
  })
}

describe('the API', () => {
  test('finds messages by channel and recipient, newest last', async () => {
    await sendSms('+919876543210', 'one')
    await sendSms('+919876543211', 'two')
    await sendSms('+919876543210', 'three')
    const { body } = await call('GET', '/api/messages?channel=sms&to=%2B919876543210')
    expect(body).toEqual([
      expect.objectContaining({ provider: 'twilio', channel: 'sms', to: '+919876543210', body: 'one' }),
      expect.objectContaining({
        body: 'three',
        status: 'accepted',
        at: expect.stringMatching(/^\d{4}-.*Z$/),
      }),
    ])
    expect((await call('GET', '/api/messages?channel=email')).body).toEqual([])
    expect((await call('GET', '/api/messages?limit=1')).body).toHaveLength(1)
    expect((await call('GET', '/api/messages?limit=0')).status).toBe(400)
  })

  test('counts and empties', async () => {
    await sendSms('+919876543210', 'one')
    expect((await call('GET', '/api/counts')).body).toEqual({ taken: { twilio: 1 }, receiptsLost: 0 })
    expect((await call('DELETE', '/api/messages')).status).toBe(204)
    expect((await call('GET', '/api/messages')).body).toEqual([])
  })

  test('sets a fault, and shows all of them', async () => {
    const fault = { provider: 'twilio', mode: 'slow', latencyMs: 10 }
    expect((await call('PUT', '/api/faults', fault)).body).toEqual({ ...fault, code: '', receipts: 'normal' })
    expect((await call('GET', '/api/faults')).body).toContainEqual({ ...fault, code: '', receipts: 'normal' })
    expect((await sendSms('+919876543210', 'late')).status).toBe(201)
    await call('PUT', '/api/faults', { provider: 'twilio', mode: 'ok' })
  })

  test.each([
    [{ provider: 'acme', mode: 'ok' }, /provider is none of twilio, msg91/],
    [{ provider: 'twilio', mode: 'odd' }, /mode is none of ok, fail/],
    [{ provider: 'twilio', latencyMs: -1 }, /latencyMs/],
    [{ provider: 'twilio', receipts: 'odd' }, /receipts is none of/],
    [undefined, /provider is none of/],
  ])('refuses the fault %j and says why', async (fault, why) => {
    const { status, body } = await call('PUT', '/api/faults', fault)
    expect(status).toBe(400)
    expect(body.error).toMatch(why)
  })

  test('has a page that loads nothing from elsewhere', async () => {
    const { status, body } = await call('GET', '/')
    expect(status).toBe(200)
    expect(body).not.toMatch(/(?:src|href)="https?:|@import|url\(/)
  })

  test('is healthy, and says what it does not have', async () => {
    expect((await call('GET', '/healthz')).status).toBe(200)
    expect((await call('GET', '/nowhere')).status).toBe(404)
  })

  test('takes no more than 1 MiB', async () => {
    expect((await call('PUT', '/api/faults', 'x'.repeat(1024 * 1024))).status).toBe(413)
  })
})

describe('telephony', () => {
  const placeTwilio = async (fields: Record<string, string>) => {
    const { accountSid, authToken } = keys.twilio
    return await fetch(`${sandbox.url}/2010-04-01/Accounts/${accountSid}/Calls.json`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}` },
      body: new URLSearchParams(fields),
    })
  }
  const twiml =
    '<Response><Dial callerId="+918047190000"><Number>+919876543211</Number></Dial><Say>Over.</Say></Response>'

  test('takes a call with its TwiML, refuses one without, and shows whom it rings', async () => {
    const good = await placeTwilio({ To: '+919876543210', From: '+918047190000', Twiml: twiml })
    expect(good.status).toBe(201)
    const bad = await placeTwilio({ To: '+919876543210', From: 'HushRyd', Twiml: twiml })
    expect({ status: bad.status, body: await bad.json() }).toMatchObject({
      status: 400,
      body: { code: 21212 },
    })
    const { body } = await call('GET', '/api/calls?number=%2B919876543210')
    expect(body).toMatchObject([
      {
        provider: 'twilio',
        direction: 'outbound',
        legs: [{ from: '+918047190000', to: '+919876543210', status: 'ringing' }],
      },
    ])
    expect((await call('DELETE', '/api/calls')).status).toBe(204)
    expect((await call('GET', '/api/calls')).body).toEqual([])
  })

  test('reads the TwiML that the SDK writes', () => {
    const response =
      '<Dial callerId="+91&amp;1" timeout="3"><Number statusCallback="http://a/?x=1&amp;y=2">+91</Number></Dial>'
    expect(readTwiml(response)).toEqual({
      dial: {
        callerId: '+91&1',
        number: '+91',
        statusCallback: 'http://a/?x=1&y=2',
        recordingStatusCallback: '',
      },
      said: '',
    })
    expect(readTwiml('<Response><Say language="en-IN">A &amp; B</Say></Response>')).toEqual({
      dial: undefined,
      said: 'A & B',
    })
  })

  test.each([
    ['/api/phones', { number: '+91', behaviour: 'odd' }],
    ['/api/phones', { behaviour: 'busy' }],
  ])('%s refuses %j', async (path, body) => {
    expect((await call('PUT', path, body)).status).toBe(400)
  })
})

test('the inbox keeps the newest, and a page of it', () => {
  const inbox = new Inbox()
  for (let index = 0; index < MESSAGES_MAX + 10; index += 1) {
    const message: Message = {
      id: String(index),
      provider: 'twilio',
      channel: 'sms',
      from: '',
      to: `to-${index % 2}`,
      body: '',
      at: '',
      status: 'accepted',
    }
    inbox.add(message)
  }
  const page = inbox.find({})
  expect(page).toHaveLength(PAGE_MAX)
  expect(page.at(-1)?.id).toBe(String(MESSAGES_MAX + 9))
  expect(inbox.find({ to: 'to-1', limit: 2 }).map(({ id }) => id)).toEqual([
    String(MESSAGES_MAX + 7),
    String(MESSAGES_MAX + 9),
  ])
  expect(inbox.counts()).toEqual({ twilio: MESSAGES_MAX + 10 })
})

test('the certificate is one that Node reads, self-signed by its key', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const certificate = new X509Certificate(selfSign('sns.sandbox', pair))
  expect(certificate.subject).toBe('CN=sns.sandbox')
  expect(certificate.verify(pair.publicKey)).toBe(true)
  expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now())
  expect(certificate.validToDate.getUTCFullYear()).toBe(9999)
  const signature = sign('sha256', Buffer.from('text'), pair.privateKey)
  expect(verify('sha256', Buffer.from('text'), certificate.publicKey, signature)).toBe(true)
})

test('keys of an earlier release say what to do', () => {
  expect(readSandboxKeys(JSON.stringify(keys))).toEqual(keys)
  const { fcm: _fcm, ...earlier } = keys
  expect(() => readSandboxKeys(JSON.stringify(earlier))).toThrow(/no part fcm: start with --fresh/)
})
