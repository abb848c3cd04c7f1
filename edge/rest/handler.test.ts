/** The whole of REST: real HTTP in front, real gRPC behind. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startTestRpc } from '@hushryd/kernel/testing/rpc-services.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { createCallBridge } from '../bridge/call.ts'
import { SERVICE_KEY, startRest, type TestRest } from './testing/rest-server.ts'

type Directory = Parameters<typeof startTestRpc>[0]
type Location = NonNullable<Parameters<typeof startTestRpc>[1]>

let cleanup: AsyncDisposableStack | undefined

afterEach(async () => {
  await cleanup?.disposeAsync()
  cleanup = undefined
})

async function start(
  directory: Directory = {},
  location: Location = {},
  overrides: Parameters<typeof startRest>[1] = {},
): Promise<TestRest> {
  cleanup = new AsyncDisposableStack()
  const rpc = cleanup.use(await startTestRpc(directory, location))
  const bridge = createCallBridge({ channelOf: () => rpc.channel, metrics: createMetrics('test') })
  return cleanup.use(await startRest(bridge, overrides))
}

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = (await response.json()) as Record<string, unknown>
  expect(problem).toMatchObject({ status: response.status, requestId: response.headers.get('x-request-id') })
  return problem
}

const json = { 'content-type': 'application/json' }

describe('a unary route', () => {
  it('answers JSON with defaults and numbers, and tells the service who calls', async () => {
    const rest = await start({
      async putTrip({ tripId, driverId }, { caller, requestId }) {
        return { tripId, driverId, bookingId: `${caller.kind} ${requestId}`, updatedAt: 1_700_000_000_000 }
      },
    })
    const response = await rest.fetch('/v1/trips/t%3A1', {
      as: SERVICE_KEY,
      method: 'PUT',
      headers: { ...json, 'x-request-id': 'req-7' },
      body: '{"driverId":"d1","later":true}',
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-request-id')).toBe('req-7')
    expect(await response.json()).toEqual({
      tripId: 't:1',
      driverId: 'd1',
      passengerIds: [],
      bookingId: 'backend req-7',
      status: 'TRIP_STATUS_UNSPECIFIED',
      updatedAt: 1_700_000_000_000,
    })
  })

  it('tells a broken rule with its fields', async () => {
    const rest = await start()
    const response = await rest.fetch('/v1/drivers/nearby?lat=91&lng=x', { as: 'admin' })
    expect(response.status).toBe(400)
    expect(await problemOf(response)).toMatchObject({
      reason: 'INVALID_REQUEST',
      code: 'INVALID_ARGUMENT',
      violations: [{ field: 'lng' }],
    })
    const second = await rest.fetch('/v1/drivers/nearby?lat=91&lng=1', { as: 'admin' })
    expect(await problemOf(second)).toMatchObject({ violations: [{ field: 'lat' }] })
  })

  it('passes on a service’s reason, and of a fault nothing', async () => {
    const rest = await start(
      {},
      {
        async getLatestLocation({ tripId }) {
          if (tripId === 'bug') throw new Error('password of the database')
          throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'The trip has ended.', {
            retryAfterMs: 2500,
          })
        },
      },
    )
    const ended = await rest.fetch('/v1/trips/t1/location', { as: 'driver' })
    expect(ended.status).toBe(410)
    expect(ended.headers.get('retry-after')).toBe('3')
    expect(await problemOf(ended)).toMatchObject({ reason: 'TRIP_ENDED', detail: 'The trip has ended.' })
    const fault = await rest.fetch('/v1/trips/bug/location', { as: 'driver' })
    expect(fault.status).toBe(500)
    expect(JSON.stringify(await problemOf(fault))).not.toContain('password')
  })

  it('answers HEAD as GET, without the body', async () => {
    const rest = await start({}, { getTrail: async () => ({ complete: true }) })
    const response = await rest.fetch('/v1/trips/t1/trail', { as: 'driver', method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(Number(response.headers.get('content-length'))).toBe('{"updates":[],"complete":true}'.length)
  })

  it('ends the work at the service when the caller goes away', async () => {
    const begun = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    const rest = await start(
      {},
      {
        async getTrail(_request, { signal }) {
          signal.addEventListener('abort', () => aborted.resolve())
          begun.resolve()
          return await new Promise(() => undefined)
        },
      },
    )
    const controller = new AbortController()
    const call = rest
      .fetch('/v1/trips/t1/trail', { as: 'driver', signal: controller.signal })
      .catch(() => undefined)
    await begun.promise
    controller.abort()
    await aborted.promise
    await call
    const record = await until(() => rest.log.records().find(({ msg }) => msg === 'request'))
    expect(record).toMatchObject({ status: 499, reason: 'CANCELLED' })
  })
})

describe('what is no proper request', () => {
  it.each([
    ['no JSON', '{', json, 400, 'MALFORMED'],
    ['JSON that is no object', '[1]', json, 400, 'MALFORMED'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), json, 400, 'MALFORMED'],
    [
      'another content type',
      'a=b',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'MALFORMED',
    ],
    ['a compressed body', '{}', { ...json, 'content-encoding': 'gzip' }, 415, 'MALFORMED'],
    ['a body over 256 KiB', `{"name":"${'x'.repeat(256 * 1024)}"}`, json, 413, 'TOO_LARGE'],
    ['an unknown enum name', '{"status":"ACTIV"}', json, 400, 'INVALID_REQUEST'],
  ] as const)('is refused: %s', async (_what, body, headers, status, reason) => {
    const rest = await start()
    const response = await rest.fetch('/v1/trips/t1', { as: SERVICE_KEY, method: 'PUT', body, headers })
    expect(response.status).toBe(status)
    expect(await problemOf(response)).toMatchObject({ reason })
  })

  it('is refused when it grows past 256 KiB without having said so', async () => {
    const rest = await start()
    const request = httpRequest(`${rest.url}/v1/trips/t1`, {
      method: 'PUT',
      headers: { ...json, authorization: `Bearer ${SERVICE_KEY}` },
    })
    request.on('error', () => undefined)
    const answered = once(request, 'response')
    for (let chunk = 0; chunk < 20; chunk += 1) request.write('x'.repeat(16 * 1024))
    const [response] = await answered
    expect(response.statusCode).toBe(413)
    request.destroy()
  })

  it.each([
    ['GET', '/v1/nothing', 404],
    ['GET', '/v1/users/', 404],
    ['POST', '/', 405],
    ['GET', '/v1/trips/%ff/trail', 400],
    ['GET', '/v1/ws', 426],
  ])('%s %s is a problem', async (method, path, status) => {
    const rest = await start()
    const response = await rest.fetch(path, { method, as: 'driver' })
    expect(response.status).toBe(status)
    await problemOf(response)
  })

  it('names the methods that a path takes', async () => {
    const rest = await start()
    const response = await rest.fetch('/v1/trips/t1/trail', { method: 'PATCH' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    await problemOf(response)
  })
})

describe('credentials', () => {
  it.each([
    ['none', {}, 401, 'UNAUTHENTICATED'],
    ['a token that nobody issued', { authorization: 'Bearer nobody' }, 401, 'SESSION_ENDED'],
    ['another scheme', { authorization: 'Basic YTpi' }, 401, 'UNAUTHENTICATED'],
    ['a person who may not', { authorization: 'Bearer driver' }, 403, 'FORBIDDEN'],
  ])('%s', async (_what, headers, status, reason) => {
    const rest = await start()
    const response = await rest.fetch('/v1/drivers/nearby?lat=1&lng=1', { headers })
    expect(response.status).toBe(status)
    expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer realm="hushryd"' : null)
    expect(await problemOf(response)).toMatchObject({ reason })
  })

  it('of a share link open its trip to the service, under its scope', async () => {
    const rest = await start(
      {},
      {
        getLatestLocation: async (_request, { caller }) => ({ userId: JSON.stringify(caller) }),
      },
    )
    const answer = (await (await rest.fetch('/v1/trips/t1/location?share=link')).json()) as { userId: string }
    expect(JSON.parse(answer.userId)).toEqual({ kind: 'viewer', scope: 'trip:t1' })
    expect((await rest.fetch('/v1/trips/t1/location?share=other')).status).toBe(401)
  })
})

describe('limits', () => {
  it('count address and person, but neither the backend nor SOS', async () => {
    const rest = await start()
    await rest.fetch('/v1/trips/t1/location', { as: 'driver' })
    expect(rest.counted).toEqual(['addr:127.0.0.1', 'user:driver'])
    await rest.fetch('/v1/trips/t1/location', { as: SERVICE_KEY })
    await rest.fetch('/v1/sos', { as: 'driver', method: 'POST', headers: json, body: '{}' })
    expect(rest.counted).toHaveLength(2)
    await rest.fetch('/v1/sos', { as: 'nobody', method: 'POST', headers: json, body: '{}' })
    expect(rest.counted).toEqual(['addr:127.0.0.1', 'user:driver', 'addr:127.0.0.1'])
  })

  it.each(['addr:127.0.0.1', 'user:driver'])(
    'past that of %s the answer is 429 with the time to wait',
    async (key) => {
      const rest = await start()
      rest.refused.add(key)
      const response = await rest.fetch('/v1/trips/t1/location', { as: 'driver' })
      expect(response.status).toBe(429)
      expect(response.headers.get('retry-after')).toBe('2')
      expect(await problemOf(response)).toMatchObject({ reason: 'RATE_LIMITED', code: 'RESOURCE_EXHAUSTED' })
    },
  )
})

describe('web pages of other origins', () => {
  it('of the list may call, after asking', async () => {
    const rest = await start({}, { getTrail: async () => ({}) })
    const headers = { origin: 'https://app.example.in', 'access-control-request-method': 'GET' }
    const preflight = await rest.fetch('/v1/trips/t1/trail', { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.in',
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
      'access-control-allow-headers': expect.stringContaining('authorization'),
      vary: 'Origin',
    })
    const response = await rest.fetch('/v1/trips/t1/trail', { as: 'driver', headers })
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.in')
    const refused = await rest.fetch('/v1/trips/t1/trail', { headers })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example.in')
  })

  it.each(['https://evil.example', 'null'])('may not call from %s', async (origin) => {
    const rest = await start()
    for (const method of ['GET', 'OPTIONS']) {
      const response = await rest.fetch('/v1/trips/t1/trail', { as: 'driver', method, headers: { origin } })
      expect(response.status).toBe(403)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(await problemOf(response)).toMatchObject({ reason: 'FOREIGN_ORIGIN' })
    }
  })

  it('of the edge’s own host always may', async () => {
    const rest = await start()
    const response = await rest.fetch('/healthz', { headers: { origin: rest.url } })
    expect(response.status).toBe(200)
  })
})

describe('an event stream', () => {
  it('that is refused at once has the status of its reason', async () => {
    const rest = await start(
      {},
      {
        async *watchTrip() {
          yield* []
          throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'No such trip.')
        },
      },
    )
    const response = await rest.fetch('/v1/trips/t1/location/stream', { as: 'driver' })
    expect(response.status).toBe(404)
    expect(await problemOf(response)).toMatchObject({ reason: 'TRIP_NOT_FOUND' })
  })

  it('that fails later ends with the problem as an event', async () => {
    const rest = await start(
      {},
      {
        async *watchTrip() {
          yield { caughtUp: true }
          throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'Over.')
        },
      },
    )
    const text = await (await rest.fetch('/v1/trips/t1/location/stream', { as: 'driver' })).text()
    const problem = /event: error\ndata: (.*)\n\n$/.exec(text)?.[1] ?? ''
    expect(JSON.parse(problem)).toMatchObject({ reason: 'TRIP_ENDED', status: 410 })
    expect(text).toContain('data: {"updates":[],"caughtUp":true,"complete":false}\n\n')
    const record = await until(() => rest.log.records().find(({ msg }) => msg === 'event stream ended'))
    expect(record).toMatchObject({ reason: 'TRIP_ENDED', status: 200 })
  })

  it('begins before the first message, and ends at the service when the reader leaves', async () => {
    const ended = Promise.withResolvers<void>()
    const rest = await start(
      {},
      {
        async *watchTrip(_request, { signal }) {
          yield* []
          signal.addEventListener('abort', () => ended.resolve())
          await ended.promise
        },
      },
    )
    const controller = new AbortController()
    const response = await rest.fetch('/v1/trips/t1/location/stream', {
      as: 'driver',
      signal: controller.signal,
    })
    expect(response.status).toBe(200)
    controller.abort()
    await ended.promise
    expect(
      await until(async () =>
        (await rest.metrics.render()).includes('hushryd_edge_rest_streams{app="test"} 0'),
      ),
    ).toBe(true)
  })

  function endless(): Location {
    return {
      async *watchTrip(_request, { signal }) {
        yield { caughtUp: true }
        const aborted = Promise.withResolvers<never>()
        signal.addEventListener('abort', () => aborted.reject(new DOMException('gone', 'AbortError')))
        await aborted.promise
      },
    }
  }

  it('of a session that is signed out ends, and others go on', async () => {
    const rest = await start({}, endless())
    const [mine, other] = await Promise.all([
      rest.fetch('/v1/trips/t1/location/stream', { as: 'driver' }),
      rest.fetch('/v1/trips/t1/location/stream', { as: 'passenger' }),
    ])
    rest.streams.revoke('driver', ({ sessionHash }) => sessionHash === 'hash-of-another')
    rest.streams.revoke('driver', ({ sessionHash }) => sessionHash === 'hash-of-driver')
    expect(await mine.text()).toContain('"reason":"SESSION_ENDED"')
    rest.streams.endAll()
    expect(await other.text()).toContain('"reason":"UNAVAILABLE"')
    const late = await rest.fetch('/v1/trips/t1/location/stream', { as: 'driver' })
    expect(late.status).toBe(503)
  })

  it('that is opened while its session is signed out is refused', async () => {
    const rest = await start({}, endless())
    rest.streams.revoke('driver', ({ createdAtMs }) => createdAtMs <= 0)
    const response = await rest.fetch('/v1/trips/t1/location/stream', { as: 'driver' })
    expect(await problemOf(response)).toMatchObject({ reason: 'SESSION_ENDED' })
  })

  it('ends with the session’s time', async () => {
    const rest = await start({}, endless())
    const response = await rest.fetch('/v1/trips/t1/location/stream', { as: 'over' })
    expect(await response.text()).toContain('"reason":"SESSION_ENDED"')
  })

  it('is bounded in number for a caller', async () => {
    const rest = await start({}, endless())
    const path = '/v1/trips/t1/location/stream'
    const opened = await Promise.all(Array.from({ length: 20 }, () => rest.fetch(path, { as: 'driver' })))
    expect(opened.map(({ status }) => status)).toEqual(Array(20).fill(200))
    const refused = await rest.fetch(path, { as: 'driver' })
    expect(await problemOf(refused)).toMatchObject({ reason: 'LIMIT_REACHED' })
    rest.streams.endAll()
    await Promise.all(opened.map((response) => response.text()))
  })

  it('waits for a reader that does not read, instead of holding the stream in memory', {
    timeout: 30_000,
  }, async () => {
    let sent = 0
    const rest = await start(
      {},
      {
        async *watchTrip() {
          const updates = Array.from({ length: 100 }, () => ({ userId: 'u'.repeat(60) }))
          for (; sent < 20_000; sent += 1) yield { updates }
        },
      },
    )
    const socket = connect(rest.port, '127.0.0.1')
    socket.write(
      'GET /v1/trips/t1/location/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer driver\r\n\r\n',
    )
    socket.pause()
    let before = -1
    let looks = 0
    // It stands still once every buffer on the way is full.
    await until(
      () => {
        looks = sent > 0 && sent === before ? looks + 1 : 0
        before = sent
        return looks > 30
      },
      { timeoutMs: 15_000 },
    )
    expect(sent).toBeLessThan(10_000)
    socket.destroy()
  })
})

describe('pages', () => {
  it('show the contract without any other server', async () => {
    const rest = await start()
    const html = await (await rest.fetch('/docs')).text()
    expect(html).not.toMatch(/https?:/)
    for (const [, path = ''] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await rest.fetch(path)).status, path).toBe(200)
    }
    const script = await rest.fetch('/docs/swagger-ui-bundle.js')
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    const api = await rest.fetch('/openapi.json')
    expect(((await api.json()) as { openapi: string }).openapi).toBe('3.1.0')
    expect((await rest.fetch('/docs/package.json')).status).toBe(404)
  })

  it('begin at the live map', async () => {
    const rest = await start(
      {},
      {},
      {
        mounts: [{ path: '/live', directory: '/nonexistent', workspace: 'live' }],
      },
    )
    const root = await rest.fetch('/', { redirect: 'manual' })
    expect(root.status).toBe(307)
    expect(root.headers.get('location')).toBe('/live')
    const live = await rest.fetch('/live')
    expect(live.status).toBe(404)
    expect(await live.text()).toContain('npm run build --workspace live')
    expect((await rest.fetch('/healthz')).status).toBe(200)
  })
})

describe('the record of a request', () => {
  it('has the route’s template and nothing of tokens, ids or the path', async () => {
    const rest = await start({}, { getTrail: async () => ({}) })
    const secrets = ['trip-of-someone', 'driver', 'link', 'nobody']
    await rest.fetch('/v1/trips/trip-of-someone/trail?fromMs=5', { as: 'driver' })
    await rest.fetch('/v1/trips/trip-of-someone/trail?share=link')
    await rest.fetch('/v1/trips/trip-of-someone/trail', { as: 'nobody' })
    await rest.fetch('/v1/unknown/trip-of-someone?share=link')
    const records = await until(() => {
      const found = rest.log.records().filter(({ msg }) => msg === 'request')
      return found.length === 4 ? found : undefined
    })
    expect(records.map(({ method, route, status, reason }) => ({ method, route, status, reason }))).toEqual([
      { method: 'GET', route: '/v1/trips/{trip_id}/trail', status: 200 },
      { method: 'GET', route: '/v1/trips/{trip_id}/trail', status: 200 },
      { method: 'GET', route: '/v1/trips/{trip_id}/trail', status: 401, reason: 'SESSION_ENDED' },
      { method: 'GET', route: 'none', status: 404, reason: 'UNKNOWN_METHOD' },
    ])
    for (const secret of secrets) expect(rest.log.lines.join('\n')).not.toContain(secret)
    const metrics = await rest.metrics.render()
    expect(metrics).toContain(
      'hushryd_edge_rest_seconds_count{app="test",route="/v1/trips/{trip_id}/trail",method="GET",status="4xx"',
    )
  })
})
