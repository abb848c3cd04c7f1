import { expect, test } from 'vitest'
import { createClientOn } from './client.ts'
import { HushrydError } from './error.ts'
import { settle } from './testing/fake-clock.ts'
import { FakeEdges } from './testing/fake-edges.ts'

function start(...endpoints: string[]) {
  const edges = new FakeEdges()
  const client = createClientOn(edges.runtime, {
    endpoints: ['http://one', ...endpoints],
    token: 'token-1',
    protocol: 'json',
  })
  return { edges, client }
}

async function startOpen() {
  const started = start()
  started.client.connect()
  await settle()
  return started
}

function callOf(edges: FakeEdges) {
  const { id = '', call } = edges.socket.sent.findLast((frame) => frame.call !== undefined) ?? {}
  return { id, call }
}

const ERROR = {
  code: 'NOT_FOUND',
  reason: 'NO_POSITION',
  message: 'none yet',
  retryAfterMs: 0,
  violations: [],
}

test('a call goes over the socket and is answered by its id', async () => {
  const { edges, client } = await startOpen()
  const first = client.call.location.getTrail({ tripId: 'A' })
  const { id: firstId, call } = callOf(edges)
  const second = client.call.location.getTrail({ tripId: 'B' }, { timeoutMs: 700 })
  const { id: secondId } = callOf(edges)
  expect(call).toEqual({
    method: 'hushryd.location.v1.LocationService/GetTrail',
    request: { tripId: 'A' },
    timeoutMs: 10_000,
  })
  edges.socket.receive({ id: secondId, result: { updates: [], complete: true } })
  edges.socket.receive({ id: firstId, error: ERROR })
  expect(await second).toEqual({ updates: [], complete: true })
  await expect(first).rejects.toBeInstanceOf(HushrydError)
  await expect(first).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'NO_POSITION', message: 'none yet' })
})

test('a call that nobody answers ends in its time, and is cancelled', async () => {
  const { edges, client } = await startOpen()
  const call = client.call.location.getTrail({ tripId: 'A' }, { timeoutMs: 700 })
  const { id } = callOf(edges)
  const late = expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await edges.clock.advance(1_200)
  await late
  expect(edges.socket.sent.at(-1)).toEqual({ id, cancel: {} })
})

test('a signal ends a call, before it began and while it runs', async () => {
  const { edges, client } = await startOpen()
  const controller = new AbortController()
  const running = client.call.location.getTrail({ tripId: 'A' }, { signal: controller.signal })
  controller.abort()
  await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
  const sent = edges.socket.sent.length
  const late = client.call.location.getTrail({ tripId: 'A' }, { signal: controller.signal })
  await expect(late).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(edges.socket.sent).toHaveLength(sent)
})

test('a call whose socket dies is not repeated, and says that it may have been heard', async () => {
  const { edges, client } = await startOpen()
  const call = client.call.location.getTrail({ tripId: 'A' })
  edges.socket.drop(1006)
  await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', isRetryable: true })
})

test('without a connection a method with a route goes by REST', async () => {
  const { edges, client } = start()
  const answer = await client.call.location.getTrail({ tripId: 'A:1', fromMs: 5, toMs: undefined })
  expect(answer).toEqual({ from: '/v1/trips/A%3A1/trail' })
  expect(edges.requests).toEqual(['GET one/v1/trips/A%3A1/trail'])
})

test('by REST a read asks the next edge where one is away, and the next call begins there; a command does not', async () => {
  const { edges, client } = start('http://two')
  edges.down.add('one')
  await client.call.location.getTrail({ tripId: 'T' })
  await client.call.location.getTrail({ tripId: 'T' })
  expect(edges.requests).toEqual(['GET one', 'GET two', 'GET two'].map((to) => `${to}/v1/trips/T/trail`))
  edges.down.add('two')
  const share = client.call.session.createShareLink({ tripId: 'T' })
  await expect(share).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(edges.requests).toHaveLength(4)
})

test('without a connection a method without a route waits for one, where one is on its way', async () => {
  const { edges, client } = start()
  await expect(client.call.session.getSession()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  client.connect()
  const call = client.call.session.getSession()
  await settle()
  edges.socket.receive({ id: callOf(edges).id, result: { userId: 'asha', sessions: [] } })
  expect(await call).toEqual({ userId: 'asha', sessions: [] })
})

test('a request that would not fit a frame is refused here, and the socket stays', async () => {
  const { client } = await startOpen()
  const call = client.call.location.getTrail({ tripId: 'x'.repeat(70_000) })
  await expect(call).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'TOO_LARGE' })
  expect(client.state).toBe('open')
})

test('a stream brings its messages in order and ends with its end', async () => {
  const { edges, client } = await startOpen()
  const seen: unknown[] = []
  const done = (async () => {
    for await (const message of client.stream.location.watchTrip({ tripId: 'T' })) seen.push(message)
  })()
  await settle()
  const { id } = callOf(edges)
  for (const caughtUp of [false, true])
    edges.socket.receive({ id, next: { updates: [], caughtUp, complete: true } })
  edges.socket.receive({ id, end: {} })
  await done
  expect(seen).toEqual([
    { updates: [], caughtUp: false, complete: true },
    { updates: [], caughtUp: true, complete: true },
  ])
})

test('leaving the loop cancels the stream; a lost connection throws inside of it', async () => {
  const { edges, client } = await startOpen()
  const left = (async () => {
    for await (const _ of client.stream.location.watchTrip({ tripId: 'T' })) return
  })()
  await settle()
  const { id } = callOf(edges)
  edges.socket.receive({ id, next: { updates: [] } })
  await left
  expect(edges.socket.sent.at(-1)).toEqual({ id, cancel: {} })

  const stream = client.stream.location.watchTrip({ tripId: 'T' })[Symbol.asyncIterator]()
  const next = stream.next()
  await settle()
  edges.socket.drop(1006)
  await expect(next).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

test('a loop that does not keep up ends its stream instead of filling the memory', async () => {
  const { edges, client } = await startOpen()
  const stream = client.stream.location.watchTrip({ tripId: 'T' })[Symbol.asyncIterator]()
  const first = stream.next()
  await settle()
  const { id } = callOf(edges)
  for (let count = 0; count < 1_002; count += 1) edges.socket.receive({ id, next: { updates: [] } })
  await first
  for (let count = 0; count < 1_000; count += 1) await stream.next()
  await expect(stream.next()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  expect(edges.socket.sent.at(-1)).toEqual({ id, cancel: {} })
})

test('a frame that is no frame ends the socket, and the client comes back', async () => {
  const { edges, client } = await startOpen()
  edges.socket.receiveText('{')
  expect(client.state).toBe('waiting')
  await edges.clock.advance(1_000)
  expect(client.state).toBe('open')
})
