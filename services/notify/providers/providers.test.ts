/** The real adapters against the real sandbox, over HTTP. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ProviderName, SendResult } from '../provider.ts'
import { messageFor, type ProviderSandbox, startProviderSandbox } from './testing/provider-sandbox.ts'

const NAMES: readonly ProviderName[] = ['twilio', 'msg91', 'sendgrid', 'ses', 'whatsapp', 'fcm']
const never = new AbortController().signal

let world: ProviderSandbox
beforeAll(async () => {
  world = await startProviderSandbox()
})
afterEach(() => {
  for (const provider of NAMES) world.sandbox.faults.set({ provider })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

describe.each(NAMES)('%s', (name) => {
  test('takes a message and gives its id, under which the sandbox has it', async () => {
    const message = messageFor(name)
    const result = await world.provider(name).send(message, never)
    expect(result.kind).toBe('accepted')
    const [last] = world.sandbox.inbox.find({ provider: name, limit: 1 })
    expect(result).toEqual({ kind: 'accepted', providerId: last?.id })
    expect(last?.to).toBe(message.to)
  })

  test('is unavailable while it answers with 5xx', async () => {
    world.sandbox.faults.set({ provider: name, mode: 'fail' })
    await expect(world.provider(name).send(messageFor(name), never)).rejects.toMatchObject({
      name: 'ProviderUnavailable',
      provider: name,
    })
  })

  test('is unavailable while it resets connections', async () => {
    world.sandbox.faults.set({ provider: name, mode: 'down' })
    await expect(world.provider(name).send(messageFor(name), never)).rejects.toMatchObject({
      name: 'ProviderUnavailable',
      code: 'ECONNRESET',
    })
  })

  test('is left waiting as soon as the caller’s time is over', async () => {
    world.sandbox.faults.set({ provider: name, mode: 'slow', latencyMs: 60_000 })
    await expect(world.provider(name).send(messageFor(name), AbortSignal.timeout(50))).rejects.toMatchObject({
      name: 'ProviderUnavailable',
      code: 'timeout',
    })
  })

  test('works again after its fault', async () => {
    const provider = world.provider(name)
    world.sandbox.faults.set({ provider: name, mode: 'down' })
    await expect(provider.send(messageFor(name), never)).rejects.toThrow()
    world.sandbox.faults.set({ provider: name })
    expect(await provider.send(messageFor(name), never)).toMatchObject({ kind: 'accepted' })
  })

  test('an error holds neither recipient nor text nor key', async () => {
    world.sandbox.faults.set({ provider: name, mode: 'fail' })
    const message = messageFor(name)
    const error: unknown = await world
      .provider(name)
      .send(message, never)
      .catch((thrown: unknown) => thrown)
    const all = `${JSON.stringify(error, Object.getOwnPropertyNames(error))}${String((error as Error).cause)}`
    for (const secret of [message.to, message.text, world.keys.twilio.authToken, world.keys.sendgrid.apiKey])
      expect(all).not.toContain(secret)
  })
})

type Expected = Partial<Extract<SendResult, { kind: 'refused' }>> | 'unavailable'
const address: Expected = { isPermanent: true, suppress: true }
const message: Expected = { isPermanent: true }
const account: Expected = { isPermanent: false }

/** Each provider's documented codes, and what a sender is to make of them. */
const CODES: readonly (readonly [ProviderName, string, Expected])[] = [
  ['twilio', '20003', account],
  ['twilio', '20429', 'unavailable'],
  ['twilio', '21211', address],
  ['twilio', '21408', message],
  ['twilio', '21606', account],
  ['twilio', '21610', address],
  ['twilio', '21612', message],
  ['twilio', '21614', address],
  ['twilio', '21617', message],
  ['msg91', '202', address],
  ['msg91', '207', account],
  ['msg91', '301', account],
  ['msg91', '306', 'unavailable'],
  ['msg91', '400', message],
  ['msg91', '418', account],
  ['sendgrid', 'invalid_to', address],
  ['sendgrid', 'invalid_request', message],
  ['sendgrid', 'credits_exceeded', account],
  ['sendgrid', '401', account],
  ['sendgrid', '403', account],
  ['sendgrid', '413', message],
  ['sendgrid', '429', 'unavailable'],
  ['ses', 'MessageRejected', message],
  ['ses', 'BadRequestException', message],
  ['ses', 'MailFromDomainNotVerifiedException', account],
  ['ses', 'SendingPausedException', account],
  ['ses', 'UnrecognizedClientException', account],
  ['ses', 'SignatureDoesNotMatch', account],
  ['ses', 'TooManyRequestsException', 'unavailable'],
  ['ses', 'LimitExceededException', 'unavailable'],
  ['whatsapp', '131026', message],
  ['whatsapp', '131047', message],
  ['whatsapp', '132000', message],
  ['whatsapp', '132001', message],
  ['whatsapp', '190', account],
  ['whatsapp', '131048', account],
  ['whatsapp', '130429', 'unavailable'],
  ['whatsapp', '131056', 'unavailable'],
  ['whatsapp', '4', 'unavailable'],
  ['fcm', 'UNREGISTERED', address],
  ['fcm', 'SENDER_ID_MISMATCH', address],
  ['fcm', 'INVALID_TOKEN', address],
  ['fcm', 'INVALID_ARGUMENT', message],
  ['fcm', 'THIRD_PARTY_AUTH_ERROR', account],
  ['fcm', 'QUOTA_EXCEEDED', 'unavailable'],
  ['fcm', 'UNAVAILABLE', 'unavailable'],
]

test.each(CODES)('%s: the documented error %s is understood', async (name, code, expected) => {
  world.sandbox.faults.set({ provider: name, mode: 'refuse', code })
  const sent = world.provider(name).send(messageFor(name), never)
  if (expected === 'unavailable') {
    await expect(sent).rejects.toMatchObject({ name: 'ProviderUnavailable' })
    return
  }
  const result = await sent
  expect(result).toMatchObject({ kind: 'refused', ...expected })
  // The table knows it: the text is ours and not the status alone.
  expect(result).not.toMatchObject({ detail: expect.stringMatching(/^HTTP/) })
  if (expected !== address) expect(result).not.toHaveProperty('suppress')
})

describe('what the sandbox itself finds wrong', () => {
  const WRONG = 'wrong-wrong-wrong-wrong'
  test.each([
    ['twilio', { TWILIO_AUTH_TOKEN: WRONG }],
    ['msg91', { MSG91_AUTH_KEY: WRONG }],
    ['sendgrid', { SENDGRID_API_KEY: `SG.${WRONG}` }],
    ['ses', { SES_ACCESS_KEY_ID: WRONG }],
    ['whatsapp', { WHATSAPP_ACCESS_TOKEN: WRONG }],
  ] as const)('%s refuses wrong credentials, which is no fault of the message', async (name, change) => {
    const result = await world.provider(name, change).send(messageFor(name), never)
    expect(result).toMatchObject({ kind: 'refused', isPermanent: false })
  })

  test.each([
    ['+15005550001', '21211'],
    ['+15005550004', '21610'],
    ['+15005550009', '21614'],
    ['1234', '21211'],
  ])('twilio refuses %s with %s, and nothing more goes there', async (to, code) => {
    const result = await world.provider('twilio').send(messageFor('twilio', { to }), never)
    expect(result).toMatchObject({ kind: 'refused', code, isPermanent: true, suppress: true })
  })

  test('sendgrid refuses what is no address', async () => {
    const result = await world.provider('sendgrid').send(messageFor('sendgrid', { to: 'asha' }), never)
    expect(result).toMatchObject({ kind: 'refused', isPermanent: true, suppress: true })
  })

  test('msg91 takes no text that is not registered', async () => {
    const { dlt, ...plain } = messageFor('msg91')
    expect(await world.provider('msg91').send(plain, never)).toMatchObject({ code: 'no_template' })
    if (dlt === undefined) throw new Error('a message without its registered text')
    const unknown = { ...plain, dlt: { ...dlt, templateId: '42' } }
    expect(await world.provider('msg91').send(unknown, never)).toMatchObject({
      code: '400',
      isPermanent: true,
    })
  })

  test('whatsapp takes no text that is not approved, nor one with a value too few', async () => {
    const send = (template: { name: string; language: string; params: string[] }) =>
      world.provider('whatsapp').send(messageFor('whatsapp', { template }), never)
    expect(await send({ name: 'sos_alert', language: 'fr', params: ['a', 'b', 'c'] })).toMatchObject({
      code: '132001',
    })
    expect(await send({ name: 'sos_alert', language: 'hi', params: ['a'] })).toMatchObject({ code: '132000' })
  })
})

test('msg91 and whatsapp fill in the registered text in the recipient’s language', async () => {
  await world.provider('msg91').send(messageFor('msg91'), never)
  await world.provider('whatsapp').send(messageFor('whatsapp'), never)
  for (const provider of ['msg91', 'whatsapp']) {
    const [message] = world.sandbox.inbox.find({ provider, limit: 1 })
    expect(message?.body).toContain('आशा को मदद चाहिए')
    expect(message?.body).toContain('https://h.example/l/1')
  }
})

test('in India the sender is the registered header', async () => {
  const { dlt } = messageFor('msg91')
  await world.provider('twilio').send(messageFor('twilio', dlt === undefined ? {} : { dlt }), never)
  expect(world.sandbox.inbox.find({ provider: 'twilio', limit: 1 })[0]?.from).toBe('HSHRYD')
})
