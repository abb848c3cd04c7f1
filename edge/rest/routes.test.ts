import { expect, test } from 'vitest'
import { exposedMethods } from '../bridge/exposed-methods.ts'
import { requestToBinary } from '../bridge/json-codec.ts'
import { requestJson } from './request-json.ts'
import { compileRoutes, matchRoutes } from './routes.ts'

const methods = exposedMethods()
const routes = compileRoutes(methods)

function jsonOf(
  verb: string,
  path: string,
  parts: { query?: string; body?: string; lastEventId?: string } = {},
) {
  const match = matchRoutes(routes, path).find(({ route }) => route.verb === verb)
  if (match === undefined) throw new Error(`no route ${verb} ${path}`)
  const json = requestJson({
    match,
    query: new URLSearchParams(parts.query ?? ''),
    body: parts.body === undefined ? undefined : JSON.parse(parts.body),
    lastEventId: parts.lastEventId,
  })
  // What it makes is what the bridge takes.
  requestToBinary(match.route.method.descriptor.input, json)
  return json
}

test('a literal is meant before a variable', () => {
  const templates = routes.map(({ template }) => template.text)
  expect(templates.indexOf('/v1/trips/{trip_id}/trail')).toBeGreaterThanOrEqual(0)
  for (const { template } of routes) {
    const path = template.text.replaceAll(/\{[^}]+\}/g, 'x')
    expect(matchRoutes(routes, path)[0]?.route.template.text).toBe(template.text)
  }
})

test('two methods at one place do not start', () => {
  expect(() => compileRoutes([...methods, ...methods])).toThrow(/belongs to/)
})

test('path and query fill the request, by either name', () => {
  expect(
    jsonOf('GET', '/v1/trips/t%201/trail', { query: 'fromMs=5&to_ms=7&updates_max=3&unknown=1' }),
  ).toEqual({
    tripId: 't 1',
    fromMs: '5',
    toMs: '7',
    updatesMax: '3',
  })
})

test('the path wins over the query, and over the body whichever name it uses', () => {
  expect(jsonOf('GET', '/v1/trips/t1/trail', { query: 'tripId=other&trip_id=other' })).toEqual({
    tripId: 't1',
  })
  expect(
    jsonOf('PUT', '/v1/trips/t1', { body: '{"trip_id":"other","tripId":"other","driverId":"d1"}' }),
  ).toEqual({
    tripId: 't1',
    driverId: 'd1',
  })
})

test('the query does not fill what the body is for', () => {
  expect(jsonOf('PUT', '/v1/trips/t1', { query: 'driverId=d2', body: '{}' })).toEqual({ tripId: 't1' })
})

test('numbers of the query may be decimals', () => {
  expect(jsonOf('GET', '/v1/drivers/nearby', { query: 'lat=17.4&lng=78.5&radiusM=1000' })).toEqual({
    lat: '17.4',
    lng: '78.5',
    radiusM: '1000',
  })
})

test('Last-Event-ID does not disturb methods without a sequence', () => {
  expect(jsonOf('GET', '/v1/trips/t1/location/stream', { lastEventId: '7' })).toEqual({ tripId: 't1' })
})
