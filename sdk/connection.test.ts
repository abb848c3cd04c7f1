import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backoff } from './backoff.ts'
import { createClientOn } from './client.ts'
import type { StateEvent } from './connection.ts'
import { settle } from './testing/fake-clock.ts'
import { FakeEdges } from './testing/fake-edges.ts'

const ENDPOINTS = ['http://one', 'http://two/']

function start(edges: FakeEdges, token: string | (() => string) = 'token-1') {
  const client = createClientOn(edges.runtime, { endpoints: ENDPOINTS, token, protocol: 'json' })
  const states: StateEvent[] = []
  client.on('state', (event) => states.push(event))
  client.connect()
  return { client, states }
}

async function startOpen(edges: FakeEdges) {
  const started = start(edges)
  await settle()
  expect(started.client.state).toBe('open')
  return started
}

function hostsOf(edges: FakeEdges): string[] {
  return edges.sockets.map(({ url }) => new URL(url).host)
}

test('a wait is between nothing and a bound that doubles from 1 s to 30 s', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 40 }),
      (draws) => {
        const left = [...draws]
        const backoff = new Backoff({ firstMs: 1_000, longestMs: 30_000, random: () => left.shift() ?? 0 })
        draws.forEach((draw, attempt) => {
          const boundMs = Math.min(30_000, 1_000 * 2 ** attempt)
          expect(backoff.nextMs()).toBe(draw * boundMs)
        })
      },
    ),
  )
})

test('a client opens with a ticket and is told how it stands', async () => {
  const edges = new FakeEdges()
  edges.random = () => 0
  const { states } = await startOpen(edges)
  expect(edges.socket.url).toBe('ws://one/v1/ws?ticket=a%20ticket')
  expect(states.map(({ state }) => state)).toEqual(['connecting', 'open'])
})

test('after a loss the client comes back on another edge, and waits longer each time that fails', async () => {
  const edges = new FakeEdges()
  const { client, states } = await startOpen(edges)
  edges.down.add('one').add('two')
  edges.socket.drop(1006)
  await edges.clock.advance(120_000)
  const waits = states.flatMap(({ retryInMs }) => (retryInMs === undefined ? [] : [retryInMs]))
  expect(waits.slice(0, 7)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  edges.down.clear()
  await edges.clock.advance(15_000)
  expect(client.state).toBe('open')
  const asked = edges.requests.map((request) => request.replace('POST ', '').replace('/v1/ws-tickets', ''))
  for (const [index, host] of asked.entries()) expect(host).not.toBe(asked[index + 1])
})

test('a connection that held starts again with a short wait; one that broke at once does not', async () => {
  const edges = new FakeEdges()
  const { states } = await startOpen(edges)
  const waits = () => states.flatMap(({ retryInMs }) => (retryInMs === undefined ? [] : [retryInMs]))
  edges.socket.drop(4002)
  await edges.clock.advance(500)
  edges.socket.drop(4002)
  await edges.clock.advance(1_000)
  expect(waits()).toEqual([500, 1_000])
  await edges.clock.advance(20_000)
  edges.socket.drop(4002)
  expect(waits()).toEqual([500, 1_000, 500])
})

test('asked to go away for a drain the client opens elsewhere first, then leaves', async () => {
  const edges = new FakeEdges()
  const { client, states } = await startOpen(edges)
  const old = edges.socket
  old.receive({ goAway: { reason: 'DRAIN', reconnectAfterMs: 700 } })
  await edges.clock.advance(699)
  expect(edges.sockets).toHaveLength(1)
  await edges.clock.advance(1)
  expect(edges.sockets).toHaveLength(2)
  expect(new Set(hostsOf(edges)).size).toBe(2)
  expect(old.isClosed).toBe(true)
  expect(client.state).toBe('open')
  expect(states.map(({ state }) => state)).toEqual(['connecting', 'open', 'open'])
})

test('a call that runs on the socket that is left is still answered there', async () => {
  const edges = new FakeEdges()
  const { client } = await startOpen(edges)
  const old = edges.socket
  const call = client.call.location.getTrail({ tripId: 'T' })
  old.receive({ goAway: { reason: 'REBALANCE', reconnectAfterMs: 0 } })
  await edges.clock.advance(1)
  expect(edges.sockets).toHaveLength(2)
  expect(old.isClosed).toBe(false)
  old.receive({ id: old.sent[0]?.id ?? '', result: { updates: [], complete: true } })
  expect(await call).toEqual({ updates: [], complete: true })
  await edges.clock.advance(5_000)
  expect(old.isClosed).toBe(true)
})

test('a socket that dies before the time of its goAway does not bring the reconnect forward', async () => {
  const edges = new FakeEdges()
  const { client } = await startOpen(edges)
  edges.socket.receive({ goAway: { reason: 'SLOW_CONSUMER', reconnectAfterMs: 2_000 } })
  edges.socket.drop(4002)
  expect(client.state).toBe('waiting')
  await edges.clock.advance(1_999)
  expect(edges.sockets).toHaveLength(1)
  await edges.clock.advance(1)
  expect(client.state).toBe('open')
})

test.each([4500, 4502, 4999])('close code %i stops the client, with an error that says so', async (code) => {
  const edges = new FakeEdges()
  const { client, states } = await startOpen(edges)
  edges.socket.receive({ goAway: { reason: 'SESSION_REVOKED', reconnectAfterMs: 0 } })
  edges.socket.drop(code)
  await edges.clock.advance(120_000)
  expect(edges.sockets).toHaveLength(1)
  expect(states.at(-1)).toMatchObject({
    state: 'stopped',
    error: { closeCode: code, code: 'UNAUTHENTICATED' },
  })
  client.connect()
  await settle()
  expect(client.state).toBe('open')
})

test.each([4000, 4003, 4499, 1000, 1011])('close code %i is followed by a reconnect', async (code) => {
  const edges = new FakeEdges()
  const { client } = await startOpen(edges)
  edges.socket.drop(code)
  await edges.clock.advance(1_000)
  expect(client.state).toBe('open')
})

test('a token that is over is asked for once more, and a second refusal stops', async () => {
  const edges = new FakeEdges()
  let asked = 0
  const { client } = start(edges, () => {
    asked += 1
    return `token-${asked - 1}`
  })
  await settle()
  expect(client.state).toBe('open')
  expect(asked).toBe(2)
  edges.token.valid = 'another'
  edges.socket.drop(1006)
  await edges.clock.advance(1_000)
  expect(client.state).toBe('stopped')
  expect(asked).toBe(3)
})

test('a full edge is left for the next one, not before it said', async () => {
  const edges = new FakeEdges()
  edges.ticketAnswer = { status: 503, body: { code: 'UNAVAILABLE', reason: 'UNAVAILABLE' }, retryAfterS: 4 }
  const { client } = start(edges)
  await settle()
  edges.ticketAnswer = undefined
  await edges.clock.advance(3_999)
  expect(client.state).toBe('waiting')
  await edges.clock.advance(1)
  expect(client.state).toBe('open')
})

test('a page of somebody else that answers 403 is an outage and no refusal', async () => {
  const edges = new FakeEdges()
  edges.ticketAnswer = { status: 403, body: {} }
  const { client } = start(edges)
  await settle()
  expect(client.state).toBe('waiting')
  edges.ticketAnswer = { status: 403, body: { code: 'PERMISSION_DENIED', reason: 'FOREIGN_ORIGIN' } }
  await edges.clock.advance(30_000)
  expect(client.state).toBe('stopped')
})

test('an edge that never welcomes is given up after 10 s', async () => {
  const edges = new FakeEdges()
  edges.silence()
  const { client } = start(edges)
  await edges.clock.advance(9_999)
  expect(client.state).toBe('connecting')
  await edges.clock.advance(1)
  expect(client.state).toBe('waiting')
})

test('a quiet socket is pinged, and one that stays silent for two heartbeats is dead', async () => {
  const edges = new FakeEdges()
  const { client } = await startOpen(edges)
  const socket = edges.socket
  await edges.clock.advance(120_000)
  expect(socket.sent.filter(({ ping }) => ping !== undefined)).toHaveLength(4)
  edges.silence()
  await edges.clock.advance(59_999)
  expect(client.state).toBe('open')
  await edges.clock.advance(30_000)
  expect(socket.isClosed).toBe(true)
})

test('wake ends the wait; close ends everything and leaves no timer behind', async () => {
  const edges = new FakeEdges()
  const { client } = await startOpen(edges)
  edges.random = () => 0.999
  edges.socket.drop(1006)
  client.wake()
  await settle()
  expect(client.state).toBe('open')
  client.close()
  expect(client.state).toBe('closed')
  expect(edges.socket.isClosed).toBe(true)
  expect(edges.clock.pending).toBe(0)
})
