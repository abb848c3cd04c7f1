/** What the sandbox signs is believed, over HTTP; whatever was changed on the way is not. */
import { until } from '@hushryd/kernel/testing/await-until.ts'
import fc from 'fast-check'
import twilio from 'twilio'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ProviderName } from '../provider.ts'
import {
  messageFor,
  type Posted,
  type ProviderSandbox,
  startProviderSandbox,
} from '../providers/testing/provider-sandbox.ts'
import { createWebhookReader } from './reader.ts'
import { signTwilio } from './twilio-webhook.ts'
import type { WebhookRequest } from './webhook.ts'

const NAMES = ['twilio', 'msg91', 'sendgrid', 'ses', 'whatsapp'] as const satisfies readonly ProviderName[]
const never = new AbortController().signal

let world: ProviderSandbox
beforeAll(async () => {
  world = await startProviderSandbox()
  // Amazon loses what it would have reported before the subscription is confirmed, and so does the sandbox.
  await world.provider('ses').send(messageFor('ses'), never)
  await until(() => world.posted.some(({ provider }) => provider === 'ses'), { what: 'the subscription' })
})
afterEach(() => {
  for (const provider of NAMES) world.sandbox.faults.set({ provider })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function send(name: ProviderName): Promise<string> {
  const result = await world.provider(name).send(messageFor(name), never)
  if (result.kind !== 'accepted') throw new Error(`${name} refused: ${result.code}`)
  return result.providerId
}

function receiptsOf(id: string) {
  return world.posted
    .flatMap(({ result }) => (result.kind === 'accepted' ? result.receipts : []))
    .filter(({ providerId }) => providerId === id)
}

/** A webhook with a receipt, as it came. */
async function postedBy(name: ProviderName): Promise<Posted> {
  const id = await send(name)
  await until(() => receiptsOf(id).length > 0, { what: `a receipt of ${name}` })
  return (
    world.posted.findLast(
      ({ provider, result }) => provider === name && result.kind === 'accepted' && result.receipts.length > 0,
    ) ?? Promise.reject(new Error('no webhook'))
  )
}

function read(provider: string, request: WebhookRequest, nowMs: () => number = Date.now) {
  return createWebhookReader(world.config, { log: world.log.log, nowMs })(provider, request)
}

describe.each(NAMES)('%s', (name) => {
  test('reports that a message is sent and delivered, under the id that its adapter gave', async () => {
    const id = await send(name)
    const receipts = await until(() => {
      const found = receiptsOf(id)
      return found.length === 2 ? found : undefined
    })
    expect(receipts.map(({ status }) => status).sort()).toEqual(['delivered', 'sent'])
    expect(new Set(receipts.map(({ eventId }) => eventId)).size).toBe(2)
    for (const { provider, atMs } of receipts) {
      expect(provider).toBe(name)
      expect(Math.abs(Date.now() - atMs)).toBeLessThan(60_000)
    }
  })

  test('reports a message that could not be delivered', async () => {
    world.sandbox.faults.set({ provider: name, receipts: 'failed' })
    const id = await send(name)
    const last = await until(() => receiptsOf(id).find(({ status }) => status !== 'sent'))
    expect(['failed', 'bounced']).toContain(last.status)
  })

  test('reports nothing while its receipts are withheld', async () => {
    world.sandbox.faults.set({ provider: name, receipts: 'none' })
    const silent = await send(name)
    world.sandbox.faults.set({ provider: name })
    const loud = await send(name)
    await until(() => receiptsOf(loud).length === 2)
    expect(receiptsOf(silent)).toEqual([])
  })

  test('is not believed for another provider’s webhook, nor without its signature', async () => {
    const { request } = await postedBy(name)
    const unsigned = { ...request, headers: {}, body: name === 'ses' ? Buffer.from('{}') : request.body }
    expect(await read(name, unsigned)).toMatchObject({ kind: 'refused', reason: 'bad_signature' })
    for (const other of NAMES) {
      if (other === name) continue
      expect(await read(other, request)).toMatchObject({ kind: 'refused' })
    }
  })

  test('is refused as not configured where its key is not set', async () => {
    const { request } = await postedBy(name)
    const config = {
      ...world.config,
      TWILIO_AUTH_TOKEN: undefined,
      MSG91_WEBHOOK_SECRET: undefined,
      SENDGRID_WEBHOOK_PUBLIC_KEY: undefined,
      SES_TOPIC_ARN: undefined,
      WHATSAPP_APP_SECRET: undefined,
    }
    const result = await createWebhookReader(config, { log: world.log.log })(name, request)
    expect(result).toMatchObject({ kind: 'refused', reason: 'not_configured', answer: { status: 404 } })
  })
})

test('a provider that does not exist is refused', async () => {
  const request = { url: 'http://localhost/v1/webhooks/acme/delivery', headers: {}, body: Buffer.alloc(0) }
  expect(await read('acme', request)).toMatchObject({ kind: 'refused', reason: 'not_configured' })
  expect(await read('fcm', request)).toMatchObject({ kind: 'refused', reason: 'not_configured' })
})

/** Another byte at another place, whichever. */
function change(bytes: Uint8Array, at: number, by: number): Buffer {
  const changed = Buffer.from(bytes)
  const index = at % changed.length
  changed[index] = ((changed[index] ?? 0) + by) % 256
  return changed
}

const place = fc.record({ at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) })

/** By what each provider's signature is carried, beside the body. */
const SIGNED_HEADERS: Readonly<Partial<Record<ProviderName, readonly string[]>>> = {
  twilio: ['x-twilio-signature'],
  sendgrid: ['x-twilio-email-event-webhook-signature', 'x-twilio-email-event-webhook-timestamp'],
  whatsapp: ['x-hub-signature-256'],
  msg91: ['x-webhook-secret'],
}

describe('for any changed byte', () => {
  test.each(['sendgrid', 'whatsapp'] as const)('of the body, %s is refused', async (name) => {
    const { request } = await postedBy(name)
    await fc.assert(
      fc.asyncProperty(place, async ({ at, by }) => {
        const result = await read(name, { ...request, body: change(request.body, at, by) })
        expect(result).toMatchObject({ kind: 'refused', reason: 'bad_signature' })
      }),
    )
  })

  test.each(['twilio', 'sendgrid', 'whatsapp', 'msg91'] as const)(
    'of the signature, %s is refused',
    async (name) => {
      const { request } = await postedBy(name)
      for (const header of SIGNED_HEADERS[name] ?? []) {
        const value = Buffer.from(request.headers[header] ?? '')
        await fc.assert(
          fc.asyncProperty(place, async ({ at, by }) => {
            const headers = { ...request.headers, [header]: change(value, at, by).toString('latin1') }
            const result = await read(name, { ...request, headers })
            expect(result).toMatchObject({ kind: 'refused', reason: 'bad_signature' })
          }),
        )
      }
    },
  )

  test('of a field, twilio is refused, in the order in which they come or any other', async () => {
    const { request } = await postedBy('twilio')
    const fields = [...new URLSearchParams(Buffer.from(request.body).toString())]
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(fields, { minLength: fields.length }),
        fc.nat(),
        fc.string({ minLength: 1 }),
        async (shuffled, at, added) => {
          const body = (pairs: readonly (readonly [string, string])[]) =>
            Buffer.from(new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString())
          expect(await read('twilio', { ...request, body: body(shuffled) })).toMatchObject({
            kind: 'accepted',
          })
          const changed = shuffled.map(([name, value], index): [string, string] =>
            index === at % shuffled.length ? [name, value + added] : [name, value],
          )
          expect(await read('twilio', { ...request, body: body(changed) })).toMatchObject({
            reason: 'bad_signature',
          })
          const without = shuffled.filter((_pair, index) => index !== at % shuffled.length)
          expect(await read('twilio', { ...request, body: body(without) })).toMatchObject({
            reason: 'bad_signature',
          })
        },
      ),
    )
  })

  test('of what SNS signs, ses is refused', async () => {
    const { request } = await postedBy('ses')
    const message: Record<string, string> = JSON.parse(Buffer.from(request.body).toString())
    const signed = ['Message', 'MessageId', 'Timestamp', 'TopicArn', 'Type', 'Signature']
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...signed), place, async (name, { at, by }) => {
        const value = change(Buffer.from(message[name] ?? ''), at, by).toString('latin1')
        const body = Buffer.from(JSON.stringify({ ...message, [name]: value }))
        expect(await read('ses', { ...request, body })).toMatchObject({ reason: 'bad_signature' })
      }),
    )
  })
})

test('twilio’s signature is the one that its own SDK computes, for any address and fields', () => {
  fc.assert(
    fc.property(
      fc.webUrl({ withQueryParameters: true }),
      fc.dictionary(fc.string(), fc.string()),
      (url, fields) => {
        const ours = signTwilio('a-token', url, new URLSearchParams(fields))
        const theirs = Object.fromEntries(new URLSearchParams(fields))
        expect(twilio.validateRequest('a-token', ours, url, theirs)).toBe(true)
      },
    ),
  )
})

test('twilio is believed by the public address, whatever a proxy made of host and scheme', async () => {
  const { request } = await postedBy('twilio')
  const { pathname } = new URL(request.url)
  const behindProxy = { ...request, url: `http://edge.internal:9999${pathname}` }
  expect(await read('twilio', behindProxy)).toMatchObject({ kind: 'accepted' })
  expect(await read('twilio', { ...request, url: `${request.url}?more=1` })).toMatchObject({
    reason: 'bad_signature',
  })
})

describe('ses', () => {
  const forge = async (change: Readonly<Record<string, unknown>>) => {
    const { request } = await postedBy('ses')
    const message = JSON.parse(Buffer.from(request.body).toString())
    return { ...request, body: Buffer.from(JSON.stringify({ ...message, ...change })) }
  }

  test('fetches no certificate from anywhere but SNS', async () => {
    for (const SigningCertURL of [
      'https://sns.ap-south-1.amazonaws.com.evil.example/cert.pem',
      'https://sns.s3-us-west-2.amazonaws.com/cert.pem',
      'https://sns.s3-accelerate.amazonaws.com/cert.pem',
      'http://169.254.169.254/latest/meta-data',
      `${world.sandbox.url.replace('127.0.0.1', '127.0.0.2')}/cert.pem`,
      'not an address',
    ])
      expect(await read('ses', await forge({ SigningCertURL }))).toMatchObject({ reason: 'bad_signature' })
  })

  test('in production takes certificates only from Amazon, by https', async () => {
    const { request } = await postedBy('ses')
    const config = { ...world.config, SNS_ORIGIN: undefined }
    expect(await createWebhookReader(config, { log: world.log.log })('ses', request)).toMatchObject({
      reason: 'bad_signature',
    })
  })

  test('believes its own topic only', async () => {
    const request = await forge({ TopicArn: 'arn:aws:sns:ap-south-1:999999999999:mine' })
    expect(await read('ses', request)).toMatchObject({ reason: 'bad_signature' })
  })

  test('believes no certificate whose time has not come', async () => {
    const { request } = await postedBy('ses')
    expect(await read('ses', request, () => 0)).toMatchObject({ reason: 'bad_signature' })
  })

  test('has SNS try again where the certificate cannot be had', async () => {
    const request = await forge({ SigningCertURL: `${world.sandbox.url}/no-such.pem` })
    expect(await read('ses', request)).toMatchObject({ reason: 'unavailable', answer: { status: 503 } })
  })
})

describe('whatsapp’s question when its webhook is set up', () => {
  const ask = (verifyToken: string, challenge: string) => {
    const query = new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.verify_token': verifyToken,
      'hub.challenge': challenge,
    })
    const url = `http://localhost/v1/webhooks/whatsapp/delivery?${query}`
    return read('whatsapp', { url, headers: {}, body: Buffer.alloc(0) })
  }

  test('is answered with its challenge', async () => {
    expect(await ask(world.keys.whatsapp.verifyToken, '1158201444')).toMatchObject({
      kind: 'accepted',
      answer: { status: 200, contentType: 'text/plain', body: '1158201444' },
    })
  })

  test('is refused for another token, and for a challenge that is markup', async () => {
    expect(await ask('a-guess', '1')).toMatchObject({ reason: 'bad_signature' })
    expect(await ask(world.keys.whatsapp.verifyToken, '<script>')).toMatchObject({ reason: 'malformed' })
  })
})

test('msg91’s secret may come in the address, where its panel takes no headers', async () => {
  const { request } = await postedBy('msg91')
  const url = `${request.url}?secret=${encodeURIComponent(world.keys.msg91.webhookSecret)}`
  expect(await read('msg91', { ...request, url, headers: {} })).toMatchObject({ kind: 'accepted' })
})

test('what is signed and no receipt is taken without one', async () => {
  const body = Buffer.from('MessageSid=SM1&MessageStatus=queued')
  const url = `${world.config.PUBLIC_URL}/v1/webhooks/twilio/delivery`
  const signature = signTwilio(world.keys.twilio.authToken, url, new URLSearchParams(body.toString()))
  const request = { url, headers: { 'x-twilio-signature': signature }, body }
  expect(await read('twilio', request)).toMatchObject({ kind: 'accepted', receipts: [] })
})
