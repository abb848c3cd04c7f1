import { expect, test } from 'vitest'
import { exposedMethods } from '../bridge/exposed-methods.ts'
import { openApi } from './openapi.ts'
import { compileRoutes } from './routes.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly 'x-hushryd-audience': readonly string[]
  readonly security: readonly object[]
  readonly parameters: readonly {
    name: string
    in: string
    required: boolean
    schema: object
    description?: string
  }[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

interface Document {
  readonly openapi: string
  readonly info: { readonly description: string }
  readonly servers: readonly { url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>
}

const methods = exposedMethods()
const routes = compileRoutes(methods)
const text = JSON.stringify(openApi(methods, routes))
const document = JSON.parse(text) as Document
const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({
    name: `${verb.toUpperCase()} ${path}`,
    path,
    operation,
  })),
)

test('every route is there once, on whichever edge the page came from', () => {
  expect(document.openapi).toBe('3.1.0')
  expect(document.servers).toEqual([{ url: '/' }])
  expect(operations).toHaveLength(routes.length)
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(routes.length)
})

test.each(operations)('$name says who may call, what it takes and what it answers', ({ path, operation }) => {
  expect(operation.summary.length).toBeGreaterThan(3)
  expect(operation.description).toContain('Open to: ')
  expect(operation['x-hushryd-audience'].length).toBeGreaterThan(0)
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path')
  expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[^}]+\}/g) ?? [])
  for (const parameter of operation.parameters) {
    expect(parameter.required).toBe(parameter.in === 'path')
    expect(parameter.name).not.toContain('_')
    expect(parameter.description, `${path} ${parameter.name}`).toBeTruthy()
  }
  const isOpen = operation['x-hushryd-audience'].includes('public')
  expect(operation.security.length === 0).toBe(isOpen)
  expect(operation.responses.default).toEqual({ $ref: '#/components/responses/Problem' })
  expect(operation.responses[200]).toBeDefined()
})

test('methods without a route are told as calls, with their messages', () => {
  const routed = new Set(routes.map(({ method }) => method.name))
  const others = methods.filter(({ name }) => !routed.has(name))
  expect(others.length).toBeGreaterThan(0)
  for (const { name, descriptor } of others) {
    expect(document.info.description).toContain(`- \`${name}\`: `)
    expect(document.components.schemas?.[descriptor.input.typeName]).toBeDefined()
  }
})

test('every reference leads somewhere', () => {
  for (const [, section = '', name = ''] of text.matchAll(/"#\/components\/([^/"]+)\/([^"]+)"/g)) {
    expect(document.components[section]?.[name], `${section}/${name}`).toBeDefined()
  }
})

test('every message and field has the contract’s own words', () => {
  for (const [name, schema] of Object.entries(document.components.schemas ?? {})) {
    if (name === 'Problem') continue
    expect(schema.description, name).toBeTruthy()
    for (const [field, property] of Object.entries((schema.properties ?? {}) as Record<string, object>)) {
      expect(property, `${name}.${field}`).toHaveProperty('description')
    }
  }
})

test('comments, rules and 64-bit integers are told as they are', () => {
  const trail = document.paths['/v1/trips/{tripId}/trail']?.get
  expect(trail?.summary).toMatch(/^A trip's track between two times, oldest first/)
  expect(trail?.parameters.find(({ name }) => name === 'fromMs')?.schema).toEqual({
    type: 'integer',
    format: 'int64',
    minimum: 0,
  })
  expect(trail?.parameters.find(({ name }) => name === 'tripId')?.schema).toMatchObject({
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$',
  })
  const watch = document.paths['/v1/trips/{tripId}/location/stream']?.get
  expect(Object.keys(watch?.responses[200]?.content ?? {})).toEqual(['text/event-stream'])
})
