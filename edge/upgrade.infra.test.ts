import { connect } from 'node:net'
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AppOptions, openApp, refusalOf } from './testing/app.ts'
import { asBackend, type EdgeNode, onBehalfOf, startNode } from './testing/edge-node.ts'
import { FakeServices } from './testing/fake-services.ts'

const DATABASE = 1
const id = uniquePrefix()
let services: FakeServices
let first: EdgeNode
let second: EdgeNode

beforeAll(async () => {
  services = await new FakeServices().start()
  const env = { EDGE_FLEET_VIEW: 'open', EDGE_ORIGINS: 'https://app.example' }
  first = await startNode({ services, database: DATABASE, env })
  second = await startNode({ services, database: DATABASE, env })
  await until(async () => (await first.admin.listEdges({}, asBackend)).edges.length === 2)
})

afterAll(async () => {
  await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()])
  await services[Symbol.asyncDispose]()
})

describe('an upgrade', () => {
  it('with a session’s token is welcomed, in JSON where no subprotocol is offered', async () => {
    const token = await first.login(`${id}-asha`)
    using app = await openApp({ url: first.wsUrl, token, protocols: [] })
    expect(app.ws.protocol).toBe('')
    expect(app.welcome).toMatchObject({
      userId: `${id}-asha`,
      role: 'passenger',
      edgeId: first.edgeId,
      heartbeatMs: 30_000,
    })
    app.send({ ping: {} })
    expect(await app.kind('pong')).toEqual({ pong: {} })
  })

  it('is taken by any edge, whichever made the session, in each subprotocol', async () => {
    const token = await first.login(`${id}-any`, 'driver')
    for (const protocols of [['hushryd.v1.proto'], ['hushryd.v1.json'], ['hushryd.v9', 'hushryd.v1.proto']]) {
      using app = await openApp({ url: second.wsUrl, token, protocols })
      expect(app.ws.protocol).toBe(protocols.at(-1))
      expect(app.welcome).toMatchObject({ userId: `${id}-any`, role: 'driver' })
    }
  })

  it('without a known path, origin, subprotocol or credential is refused by its own status', async () => {
    const token = await first.login(`${id}-refused`)
    const url = first.wsUrl
    const cases: [AppOptions, number, string][] = [
      [{ url: url.replace('/v1/ws', '/v1/other'), token }, 404, 'UNKNOWN_METHOD'],
      [{ url, token, headers: { origin: 'https://evil.example' } }, 403, 'FOREIGN_ORIGIN'],
      [{ url, token, headers: { origin: 'null' } }, 403, 'FOREIGN_ORIGIN'],
      [{ url, token, protocols: ['graphql-ws'] }, 400, 'INVALID_REQUEST'],
      [{ url }, 401, 'UNAUTHENTICATED'],
      [{ url, token: 'nonsense' }, 401, 'UNAUTHENTICATED'],
      [{ url, token: `${token.slice(0, -4)}AAAA` }, 401, 'SESSION_ENDED'],
      [{ url: `${url}?ticket=nonsense` }, 401, 'UNAUTHENTICATED'],
      [{ url: `${url}?share=${'A'.repeat(43)}` }, 401, 'SESSION_ENDED'],
    ]
    for (const [options, status, reason] of cases) {
      const refusal = await refusalOf(options)
      expect([refusal.status, refusal.problem.reason]).toEqual([status, reason])
      expect(refusal.contentType).toBe('application/problem+json')
    }
  })

  it('from an allowed origin, and from the edge’s own pages, is taken', async () => {
    const token = await first.login(`${id}-pages`)
    for (const origin of ['https://app.example', first.wsUrl.replace(/^ws(.*)\/v1\/ws$/, 'http$1')]) {
      using app = await openApp({ url: first.wsUrl, token, headers: { origin } })
      expect(app.welcome).toMatchObject({ userId: `${id}-pages` })
    }
  })

  it('of another version is refused, and an offer of HTTP/2 is ignored', async () => {
    const ask = async (path: string, upgrade: string): Promise<string> => {
      const socket = connect(first.edge.httpPort, '127.0.0.1')
      socket.end(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: ${upgrade}\r\n\r\n`)
      const chunks: Buffer[] = []
      for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
      return String(Buffer.concat(chunks)).split('\r\n')[0] ?? ''
    }
    expect(await ask('/v1/ws', 'websocket')).toBe('HTTP/1.1 400 Bad Request')
    expect(await ask('/healthz', 'h2c')).toBe('HTTP/1.1 200 OK')
  })

  it('with a ticket works once', async () => {
    const userId = `${id}-ticket`
    const token = await first.login(userId)
    const answer = await fetch(`http://127.0.0.1:${first.edge.httpPort}/v1/ws-tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const { ticket } = (await answer.json()) as { ticket: string }
    using app = await openApp({ url: `${second.wsUrl}?ticket=${ticket}` })
    expect(app.welcome).toMatchObject({ userId, role: 'passenger' })
    const refusal = await refusalOf({ url: `${second.wsUrl}?ticket=${ticket}` })
    expect(refusal.problem.reason).toBe('SESSION_ENDED')
  })

  it('with a fleet ticket opens the public map where that is open', async () => {
    const { ticket } = await first.sessions.createFleetTicket({}, onBehalfOf({ kind: 'anonymous' }))
    using app = await openApp({ url: `${first.wsUrl}?ticket=${ticket}` })
    expect(app.welcome).toMatchObject({ role: 'viewer', userId: expect.stringMatching(/^fleet:/) })
  })

  it('of a person’s sixth socket is refused, counted over all edges, until one closes', async () => {
    const token = await first.login(`${id}-many`)
    const apps = await Promise.all(
      [first, second, first, second, first].map(({ wsUrl }) => openApp({ url: wsUrl, token })),
    )
    for (const node of [first, second]) {
      const refusal = await refusalOf({ url: node.wsUrl, token })
      expect([refusal.status, refusal.problem.reason]).toEqual([429, 'LIMIT_REACHED'])
      expect(Number(refusal.retryAfter)).toBeGreaterThan(0)
    }
    apps[0]?.ws.close()
    await apps[0]?.closed
    using again = await until(() => openApp({ url: second.wsUrl, token }), { what: 'a free place' })
    expect(again.welcome).toMatchObject({ userId: `${id}-many` })
    for (const app of apps) app.ws.terminate()
  })
})

describe('the holder of a share link', () => {
  it('sees its trip and no other, calls nothing else, and is closed with the trip', async () => {
    const driver = `${id}-driver`
    const tripId = `${id}-shared`
    services.putTrip(tripId, driver, [])
    services.putTrip(`${id}-other`, driver, [])
    const caller = { kind: 'user', userId: driver, role: 'driver', deviceId: '' } as const
    const { url } = await first.sessions.createShareLink({ tripId }, onBehalfOf(caller))
    const share = new URL(url).searchParams.get('share')
    using app = await openApp({ url: `${second.wsUrl}?share=${share}` })
    expect(app.welcome).toMatchObject({ role: 'viewer', userId: expect.stringMatching(/^share:/) })
    app.send({ id: '1', join: { tripId: `${id}-other` } })
    expect(await app.answer('1')).toMatchObject({ error: { reason: 'NOT_A_PARTICIPANT' } })
    app.send({ id: '2', join: { tripId } })
    expect(await app.answer('2')).toMatchObject({ joined: { tripId } })
    app.send({ id: '3', location: { tripId, lat: 1, lng: 1, timestampMs: Date.now() } })
    expect(await app.answer('3')).toMatchObject({ error: { reason: 'FORBIDDEN' } })
    app.send({ id: '4', call: { method: 'hushryd.edge.v1.SessionService/GetSession', request: {} } })
    expect(await app.answer('4')).toMatchObject({ error: { code: 'PERMISSION_DENIED' } })
    services.putTrip(tripId, driver, [], TripStatus.COMPLETED)
    services.endTrip(tripId)
    expect(await app.kind('event')).toMatchObject({ event: { type: 'trip.completed', tripId } })
    expect(await app.closed).toMatchObject({ code: 4502 })
    const refusal = await refusalOf({ url: `${first.wsUrl}?share=${share}` })
    expect([refusal.status, refusal.problem.reason]).toEqual([410, 'TRIP_ENDED'])
  })
})

describe('the session of a person', () => {
  /**
   * Property 10, session security: a session that was signed out opens nothing
   * any more, and its sockets are closed everywhere within a second. Method:
   * sockets of three people on two edges; one is signed out through one edge.
   */
  it('Property 10: that is signed out closes its sockets on every edge within a second, and no other', async () => {
    const people = ['p', 'q', 'r'].map((name) => `${id}-${name}`)
    const tokens = await Promise.all(people.map((userId) => first.login(userId)))
    const [token = ''] = tokens
    const apps = await Promise.all([first, second].map(({ wsUrl }) => openApp({ url: wsUrl, token })))
    const others = await Promise.all(
      tokens.slice(1).map((other) => openApp({ url: second.wsUrl, token: other })),
    )
    const startMs = performance.now()
    expect(await first.sessions.revokeSession({ userId: people[0] ?? '', deviceId: '' }, asBackend)).toEqual({
      revoked: 1,
    })
    const closes = await Promise.all(apps.map(({ closed }) => closed))
    expect(performance.now() - startMs).toBeLessThan(1_000)
    expect(closes.map(({ code }) => code)).toEqual([4500, 4500])
    for (const app of apps) {
      expect(app.frames).toContainEqual({ goAway: { reason: 'SESSION_REVOKED', reconnectAfterMs: 0 } })
    }
    for (const { wsUrl } of [first, second]) {
      const refusal = await refusalOf({ url: wsUrl, token })
      expect([refusal.status, refusal.problem.reason]).toEqual([401, 'SESSION_ENDED'])
    }
    for (const app of others) {
      app.send({ ping: {} })
      await app.kind('pong')
      app.ws.terminate()
    }
    const again = await second.login(people[0] ?? '')
    using app = await openApp({ url: first.wsUrl, token: again })
    expect(app.welcome).toMatchObject({ userId: people[0] })
  })

  it('of one device can be signed out alone', async () => {
    const userId = `${id}-devices`
    const phone = await first.login(userId, 'passenger', 'phone')
    const tablet = await first.login(userId, 'passenger', 'tablet')
    using onPhone = await openApp({ url: second.wsUrl, token: phone })
    using onTablet = await openApp({ url: second.wsUrl, token: tablet })
    await first.sessions.revokeSession({ userId, deviceId: 'phone' }, asBackend)
    expect(await onPhone.closed).toMatchObject({ code: 4500 })
    onTablet.send({ ping: {} })
    await onTablet.kind('pong')
    const own = onBehalfOf({ kind: 'user', userId, role: 'passenger', deviceId: 'tablet' })
    const { sessions } = await first.sessions.getSession({ userId: '' }, own)
    expect(sessions.map(({ deviceId }) => deviceId)).toEqual(['tablet'])
  })
})
