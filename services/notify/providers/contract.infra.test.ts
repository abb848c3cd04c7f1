/**
 * What our adapters send is what the providers' own OpenAPI documents ask for,
 * and what the sandbox answers is what they promise.
 */
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { messageFor, type ProviderSandbox, startProviderSandbox } from './testing/provider-sandbox.ts'
import { readPublishedDocument } from './testing/published-documents.ts'
import { type Passage, type Recorder, startRecorder } from './testing/recorder.ts'

const FETCH_TIMEOUT_MS = 240_000
const never = new AbortController().signal

let world: ProviderSandbox
let recorder: Recorder
beforeAll(async () => {
  world = await startProviderSandbox()
  recorder = await startRecorder(world.sandbox.url)
})
afterAll(async () => {
  await recorder[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** A field that the document does not name is a slip, though OpenAPI lets it pass. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closed(inner)]))
  const isObject = copy.type === 'object' && typeof copy.properties === 'object'
  return isObject && copy.additionalProperties === undefined ? { ...copy, additionalProperties: false } : copy
}

/** A part of the document as a check, `path` from its root. */
function checkOf(document: object, path: readonly string[], { isForm = false } = {}): ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes: isForm ? 'array' : false })
  formats.default(ajv)
  // Twilio calls by the same name what a sender may be: a number, or an id of up to 11 characters.
  ajv.addFormat('phone-number', /^(?:\+[1-9]\d{6,14}|[A-Za-z0-9]{1,11})$/)
  ajv.addFormat('date-time-rfc-2822', (text) => !Number.isNaN(Date.parse(text)))
  for (const name of ['currency', 'uri-map']) ajv.addFormat(name, true)
  ajv.addSchema(closed(document) as object, 'document')
  const pointer = path.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
  return ajv.compile({ $ref: `document#/${pointer.join('/')}` })
}

function expectValid(check: ValidateFunction, value: unknown): void {
  check(value)
  expect(check.errors ?? []).toEqual([])
}

async function record(send: () => Promise<{ readonly kind: string }>): Promise<Passage> {
  expect(await send()).toMatchObject({ kind: 'accepted' })
  const passage = recorder.passages.at(-1)
  if (passage === undefined) throw new Error('nothing passed')
  return passage
}

test('a field that a document does not name, or one of the wrong kind, is noticed', () => {
  const schema = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] }
  const check = checkOf({ inner: schema }, ['inner'])
  expect(check({ to: 'a' })).toBe(true)
  for (const wrong of [{}, { to: 1 }, { to: 'a', too: 'b' }]) expect(check(wrong)).toBe(false)
})

describe('twilio', () => {
  const PATH = '/2010-04-01/Accounts/{AccountSid}/Messages.json'
  const POST = ['paths', PATH, 'post']
  let document: object
  beforeAll(async () => {
    document = await readPublishedDocument('twilio')
  }, FETCH_TIMEOUT_MS)

  test.each([
    ['a plain text', {}],
    ['a registered text', { dlt: messageFor('msg91').dlt }],
    ['a text of 1,600 characters', { text: 'é'.repeat(1600) }],
  ])('%s is posted as the document says, and answered so', async (_what, change) => {
    const provider = world.provider('twilio', { TWILIO_BASE_URL: recorder.url })
    const passage = await record(() => provider.send(messageFor('twilio', change as object), never))

    expect(passage.method).toBe('POST')
    const [, accountSid] = /^\/2010-04-01\/Accounts\/([^/]+)\/Messages\.json$/.exec(passage.path) ?? []
    expectValid(checkOf(document, [...POST, 'parameters', '0', 'schema']), accountSid)
    expect(passage.headers['content-type']).toContain('application/x-www-form-urlencoded')
    const form = [...POST, 'requestBody', 'content', 'application/x-www-form-urlencoded', 'schema']
    expectValid(
      checkOf(document, form, { isForm: true }),
      Object.fromEntries(new URLSearchParams(passage.body)),
    )

    const answer = [
      ...POST,
      'responses',
      String(passage.answer.status),
      'content',
      'application/json',
      'schema',
    ]
    expectValid(checkOf(document, answer), JSON.parse(passage.answer.body))
  })
})

describe('sendgrid', () => {
  const POST = ['paths', '/mail/send', 'post']
  let document: object
  beforeAll(async () => {
    document = await readPublishedDocument('sendgrid')
  }, FETCH_TIMEOUT_MS)

  test.each([
    ['text and HTML', {}],
    ['text alone', { html: undefined }],
    ['a subject in Telugu', { subject: 'SOS: ఆశకు సహాయం కావాలి' }],
  ])('%s is posted as the document says, and answered so', async (_what, change) => {
    const provider = world.provider('sendgrid', { SENDGRID_BASE_URL: recorder.url })
    const passage = await record(() => provider.send(messageFor('sendgrid', change as object), never))

    expect(passage).toMatchObject({ method: 'POST', path: '/v3/mail/send' })
    expect(passage.headers['content-type']).toContain('application/json')
    const body = [...POST, 'requestBody', 'content', 'application/json', 'schema']
    expectValid(checkOf(document, body), JSON.parse(passage.body))
    expect(document).toHaveProperty([...POST, 'responses', String(passage.answer.status)])
  })
})
