/** Every annotated method of the contract against every kind of caller; a new method is here by being annotated. */
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exposedMethods } from '../bridge/exposed-methods.ts'
import { compileRoutes, type Route } from './routes.ts'
import { type ContractServer, startContractServer } from './testing/contract-server.ts'
import { SERVICE_KEY, startRest, type TestRest } from './testing/rest-server.ts'

const CALLERS: readonly {
  readonly who: string
  readonly audience?: Audience
  readonly as?: string
  readonly query?: string
}[] = [
  { who: 'nobody' },
  { who: 'a rider', audience: Audience.AUDIENCE_PASSENGER, as: 'passenger' },
  { who: 'a driver', audience: Audience.AUDIENCE_DRIVER, as: 'driver' },
  { who: 'an admin', audience: Audience.AUDIENCE_ADMIN, as: 'admin' },
  { who: 'the backend', audience: Audience.AUDIENCE_BACKEND, as: SERVICE_KEY },
  { who: 'a share link’s holder', audience: Audience.AUDIENCE_VIEWER, query: '?share=link' },
]

function expectedStatus({ method: { audiences }, isRaw }: Route, audience: Audience | undefined): number {
  const isOpen = isRaw || audiences.has(Audience.AUDIENCE_PUBLIC)
  if (isOpen || (audience !== undefined && audiences.has(audience))) return 200
  return audience === undefined ? 401 : 403
}

const routes = compileRoutes(exposedMethods())
const table = routes.flatMap((route) =>
  CALLERS.map((caller) => ({
    ...caller,
    name: `${route.verb} ${route.template.text}`,
    route,
    status: expectedStatus(route, caller.audience),
  })),
)

let server: ContractServer
let rest: TestRest

beforeAll(async () => {
  server = await startContractServer()
  rest = await startRest(server.bridge)
})

afterAll(async () => {
  await rest[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

test('the routes that the protocol promises are there', () => {
  const names = new Set(routes.map(({ verb, template }) => `${verb} ${template.text}`))
  for (const promised of [
    'POST /v1/sessions',
    'DELETE /v1/sessions/{user_id}',
    'POST /v1/ws-tickets',
    'PUT /v1/users/{user_id}',
    'PUT /v1/trips/{trip_id}',
    'PUT /v1/users/{user_id}/emergency-contacts',
    'GET /v1/users/{user_id}/emergency-contacts',
    'GET /v1/trips/{trip_id}/location',
    'GET /v1/trips/{trip_id}/location/stream',
    'GET /v1/trips/{trip_id}/trail',
    'POST /v1/trips/{trip_id}/share',
    'GET /v1/drivers/nearby',
    'GET /v1/fleet/stream',
  ]) {
    expect(names).toContain(promised)
  }
})

test.each(table)('$name answers $who with $status', async ({ route, as, query = '', status }) => {
  const path = route.template.text.replaceAll(/\{[^}]+\}/g, 'x1')
  const before = server.calls.length
  const response = await rest.fetch(path + query, {
    method: route.verb,
    ...(as === undefined ? {} : { as }),
    ...(route.body === undefined ? {} : { body: '{}', headers: { 'content-type': 'application/json' } }),
  })
  const body = await response.text()
  expect(response.status, body).toBe(status)
  expect(response.headers.get('x-request-id')).toBeTruthy()
  const calls = server.calls.slice(before)
  if (status !== 200) {
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.has('www-authenticate')).toBe(status === 401)
    expect(calls).toEqual([])
    return
  }
  expect(calls.map((call) => call.path)).toEqual([route.method.name])
  // The path's variables are in the request that arrived.
  for (const _ of route.variables) expect(Buffer.from(calls[0]?.request ?? []).includes('x1')).toBe(true)
  if (route.method.isStream) {
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(body).toMatch(/^retry: \d+\n\n(?:id: 0\n)?data: \{.*\}\n\nevent: end\ndata: \{\}\n\n$/)
  } else if (!route.isRaw) expect(JSON.parse(body)).toBeTypeOf('object')
})
