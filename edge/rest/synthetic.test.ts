/** Forms of annotations that the contract does not use yet, or not in every way: with a contract made here. */
import { create, createFileRegistry, type DescMethod, type JsonValue, setExtension } from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import { expect, test } from 'vitest'
import type { BridgeMethod, CallBridge } from '../bridge/call.ts'
import type { JsonObject } from '../bridge/json-object.ts'
import { requestJson } from './request-json.ts'
import { compileRoutes, matchRoutes } from './routes.ts'
import { PUBLIC_URL, startRest } from './testing/rest-server.ts'

type Rule = {
  pattern: { case: string; value: string }
  body?: string
  responseBody?: string
  additionalBindings?: Rule[]
}
interface MethodSpec {
  readonly name: string
  readonly input: string
  readonly output: string
  readonly isStream?: boolean
  readonly isRaw?: boolean
  readonly rule: Rule
}

const STRING = 9
const BYTES = 12
const INT64 = 3
const INT32 = 5
const BOOL = 8
const MESSAGE = 11

function field(name: string, number: number, type: number, more: object = {}) {
  const jsonName = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return { name, number, type, label: 1, jsonName, ...more }
}

const MESSAGES = [
  {
    name: 'Inner',
    field: [field('id', 1, STRING), field('tags', 2, STRING, { label: 3 }), field('is_new', 3, BOOL)],
  },
  {
    name: 'Ask',
    field: [
      field('name', 1, STRING),
      field('inner', 2, MESSAGE, { typeName: '.test.Inner' }),
      field('after_sequence', 3, INT64),
      field('tags', 4, STRING, { label: 3 }),
    ],
  },
  {
    name: 'Told',
    field: [field('sequence', 1, INT64), field('inner', 2, MESSAGE, { typeName: '.test.Inner' })],
  },
  {
    name: 'Hook',
    field: [
      field('provider', 1, STRING),
      field('url', 2, STRING),
      field('headers', 3, MESSAGE, { label: 3, typeName: '.test.Hook.HeadersEntry' }),
      field('body', 4, BYTES),
    ],
    nestedType: [
      {
        name: 'HeadersEntry',
        options: { mapEntry: true },
        field: [field('key', 1, STRING), field('value', 2, STRING)],
      },
    ],
  },
  {
    name: 'Hooked',
    field: [field('status', 1, INT32), field('content_type', 2, STRING), field('body', 3, BYTES)],
  },
]

function extensionOf(name: string) {
  const extension = descriptors().registry.getExtension(name)
  if (extension === undefined) throw new Error(`no extension ${name}`)
  return extension
}

function methodsOf(specs: readonly MethodSpec[]): BridgeMethod[] {
  const file = create(FileDescriptorProtoSchema, {
    name: 'test.proto',
    syntax: 'proto3',
    package: 'test',
    messageType: MESSAGES,
    service: [
      {
        name: 'TestService',
        method: specs.map(({ name, input, output, isStream = false, isRaw = false, rule }) => {
          const options = create(MethodOptionsSchema)
          const http = extensionOf('google.api.http')
          if (http.fieldKind !== 'message') throw new Error('google.api.http is no message')
          setExtension(options, http, create(http.message, rule as never) as never)
          if (isRaw) setExtension(options, extensionOf('hushryd.options.v1.raw_http'), true as never)
          return {
            name,
            inputType: `.test.${input}`,
            outputType: `.test.${output}`,
            serverStreaming: isStream,
            options,
          }
        }),
      },
    ],
  })
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
  const service = registry.getService('test.TestService')
  return (service?.methods ?? []).map(
    (descriptor: DescMethod): BridgeMethod => ({
      name: `test.TestService/${descriptor.name}`,
      serviceName: 'test.TestService',
      isStream: descriptor.methodKind === 'server_streaming',
      audiences: new Set([Audience.AUDIENCE_PUBLIC]),
      descriptor,
    }),
  )
}

interface Asked {
  request: JsonObject
}

function fakeBridge(
  methods: readonly BridgeMethod[],
  answers: readonly JsonObject[],
  asked: Asked[],
): CallBridge {
  const note = (request: unknown): void => void asked.push({ request: request as JsonObject })
  return {
    methods,
    findMethod: (name) => methods.find((method) => method.name === name),
    async callJson(_method, request) {
      note(request)
      return answers[0] ?? {}
    },
    async *streamJson(_method, request) {
      note(request)
      yield* answers
    },
    callBinary: async () => new Uint8Array(),
    async *streamBinary() {},
  }
}

const ASK: MethodSpec = {
  name: 'Ask',
  input: 'Ask',
  output: 'Told',
  rule: {
    pattern: { case: 'get', value: '/t/{inner.id}' },
    responseBody: 'inner',
    additionalBindings: [{ pattern: { case: 'post', value: '/t/{name}:tell' }, body: 'inner' }],
  },
}
const WATCH: MethodSpec = {
  name: 'Watch',
  input: 'Ask',
  output: 'Told',
  isStream: true,
  rule: { pattern: { case: 'get', value: '/watch' } },
}
const HOOK: MethodSpec = {
  name: 'Hook',
  input: 'Hook',
  output: 'Hooked',
  isRaw: true,
  rule: { pattern: { case: 'post', value: '/hooks/{provider}' }, body: '*' },
}

test('nested variables, nested and repeated query parameters, and one field as the body', () => {
  const routes = compileRoutes(methodsOf([ASK]))
  const ask = (verb: string, path: string, query: string, body?: JsonValue) => {
    const match = matchRoutes(routes, path).find(({ route }) => route.verb === verb)
    if (match === undefined) throw new Error(`no route ${verb} ${path}`)
    return requestJson({ match, query: new URLSearchParams(query), body, lastEventId: undefined })
  }
  expect(ask('GET', '/t/7', 'inner.isNew=true&inner.tags=a&inner.tags=b&tags=c&inner.id=9&name=x')).toEqual({
    inner: { id: '7', isNew: true, tags: ['a', 'b'] },
    tags: ['c'],
    name: 'x',
  })
  expect(ask('POST', '/t/n:tell', 'tags=c&inner.id=9', { id: '5' })).toEqual({
    inner: { id: '5' },
    tags: ['c'],
    name: 'n',
  })
})

test('a path with a verb is no id, so another method there is not allowed', async () => {
  await using rest = await startRest(fakeBridge(methodsOf([ASK]), [], []))
  const response = await rest.fetch('/t/7:tell')
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('POST, OPTIONS')
})

test('one field of the response is the answer, and an unset one an empty object', async () => {
  const methods = methodsOf([ASK])
  await using rest = await startRest(fakeBridge(methods, [{ sequence: 1, inner: { id: 'a' } }], []))
  expect(await (await rest.fetch('/t/7')).json()).toEqual({ id: 'a' })
  await using empty = await startRest(fakeBridge(methods, [{ sequence: 1 }], []))
  expect(await (await empty.fetch('/t/7')).json()).toEqual({})
})

test('a stream’s events carry their sequence, and Last-Event-ID resumes behind it', async () => {
  const asked: Asked[] = []
  const messages = [{ sequence: 8 }, { sequence: 9 }]
  await using rest = await startRest(fakeBridge(methodsOf([WATCH]), messages, asked))
  const response = await rest.fetch('/watch?afterSequence=3', { headers: { 'last-event-id': '7' } })
  expect(await response.text()).toMatch(
    /^retry: \d+\n\nid: 8\ndata: \{"sequence":8\}\n\nid: 9\ndata: \{"sequence":9\}\n\nevent: end\ndata: \{\}\n\n$/,
  )
  expect(asked[0]?.request).toEqual({ afterSequence: '7' })
  const refused = await rest.fetch('/watch', { headers: { 'last-event-id': 'x' } })
  expect(refused.status).toBe(400)
})

test('a webhook reaches the service as it came, under the public address, and its answer goes back', async () => {
  const asked: Asked[] = []
  const answer = { status: 202, contentType: 'text/xml', body: Buffer.from('<Response/>').toString('base64') }
  await using rest = await startRest(fakeBridge(methodsOf([HOOK]), [answer], asked))
  const response = await rest.fetch('/hooks/twilio?a=%20b', {
    method: 'POST',
    body: Buffer.from([0xff, 0x00, 0x41]),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': 'abc',
      'x-hushryd-user': 'forged',
      authorization: 'Basic none-of-ours',
    },
  })
  expect(response.status).toBe(202)
  expect(response.headers.get('content-type')).toBe('text/xml')
  expect(await response.text()).toBe('<Response/>')
  const { url, headers, body, provider } = asked[0]?.request ?? {}
  expect({ url, body, provider }).toEqual({
    url: `${PUBLIC_URL}/hooks/twilio?a=%20b`,
    body: Buffer.from([0xff, 0x00, 0x41]).toString('base64'),
    provider: 'twilio',
  })
  expect(headers).toMatchObject({ 'x-twilio-signature': 'abc', authorization: 'Basic none-of-ours' })
  expect(headers).not.toHaveProperty('x-hushryd-user')
  expect(rest.counted).toEqual([])
})

test.each<[string, MethodSpec]>([
  ['a variable that is no field', { ...ASK, rule: { pattern: { case: 'get', value: '/t/{nothing}' } } }],
  ['a variable that is a list', { ...ASK, rule: { pattern: { case: 'get', value: '/t/{tags}' } } }],
  ['a body that is no field', { ...ASK, rule: { pattern: { case: 'post', value: '/t' }, body: 'nothing' } }],
  [
    'a webhook without the fields of one',
    { ...HOOK, input: 'Ask', rule: { pattern: { case: 'post', value: '/t' } } },
  ],
])('%s stops the start', (_what, spec) => {
  expect(() => compileRoutes(methodsOf([spec]))).toThrow(/google.api.http of test.TestService/)
})
