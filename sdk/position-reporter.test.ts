import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClientOn, type HushrydClient } from './client.ts'
import { protoCodec } from './codec-proto.ts'
import type { BufferEvent, RefusedEvent } from './position-reporter.ts'
import { settle } from './testing/fake-clock.ts'
import { FakeEdges } from './testing/fake-edges.ts'

function start(bufferMax = 1_000) {
  const edges = new FakeEdges()
  const client = createClientOn(edges.runtime, {
    endpoints: ['http://one'],
    token: 'token-1',
    protocol: 'json',
    bufferMax,
  })
  const buffer: BufferEvent[] = []
  const refused: RefusedEvent[] = []
  client.on('buffer', (event) => buffer.push(event))
  client.on('refused', (event) => refused.push(event))
  return { edges, client, buffer, refused }
}

function report(client: HushrydClient, timestampMs: number, tripId = 'T'): void {
  client.reportPosition(tripId, { lat: 17.4, lng: 78.5, timestampMs })
}

function times(edges: FakeEdges): number[] {
  return [...edges.positions.keys()].map((key) => Number(key.split('@')[1]))
}

test('a position goes out live, with what is unknown as 0', async () => {
  const { edges, client, buffer } = start()
  client.connect()
  await settle()
  client.reportPosition('T', { lat: 1, lng: 2, speed: null, heading: Number.NaN, timestampMs: 5.4 })
  const { id, location } = edges.socket.sent[0] ?? {}
  expect(id).toBe('p1')
  expect(location).toEqual({ tripId: 'T', lat: 1, lng: 2, accuracy: 0, speed: 0, heading: 0, timestampMs: 5 })
  expect(buffer).toEqual([])
})

test('positions of a time without a connection go out in batches of 500, one after the other', async () => {
  const { edges, client, buffer } = start(1_200)
  for (let at = 1; at <= 1_200; at += 1) report(client, at)
  expect(buffer.at(-1)).toEqual({ waiting: 1_200, dropped: 0 })
  client.connect()
  await edges.clock.advance(2_000)
  const batches = edges.socket.sent.flatMap(({ locations }) =>
    locations === undefined ? [] : [locations.updates?.length],
  )
  expect(batches).toEqual([500, 500, 200])
  expect(times(edges)).toEqual(Array.from({ length: 1_200 }, (_, index) => index + 1))
  expect(buffer.at(-1)).toEqual({ waiting: 0, dropped: 0 })
})

test('a batch of long ids is cut so that its frame is not refused', async () => {
  const { edges, client } = start()
  for (let at = 1; at <= 500; at += 1) report(client, at, 'T'.repeat(64))
  client.connect()
  await edges.clock.advance(2_000)
  const batches = edges.socket.sent.filter(({ locations }) => locations !== undefined)
  expect(batches.length).toBeGreaterThan(1)
  for (const batch of batches) expect(JSON.stringify(batch).length).toBeLessThanOrEqual(65_536)
  expect(edges.positions.size).toBe(500)
  const updates = batches.flatMap(({ locations }) => locations?.updates ?? [])
  expect(protoCodec.encode({ id: 'b1', locations: { updates } }).length).toBeLessThan(65_536)
})

test('a full buffer drops the oldest first and tells each loss', () => {
  const { client, buffer } = start(3)
  for (let at = 1; at <= 5; at += 1) report(client, at)
  expect(buffer.map(({ dropped }) => dropped)).toEqual([0, 0, 0, 1, 1])
  expect(buffer.at(-1)?.waiting).toBe(3)
})

test('what was sent live on a socket that dies soon after goes again, and a confirmed position does not', async () => {
  const { edges, client } = start()
  client.connect()
  await settle()
  report(client, 1)
  await edges.clock.advance(10_000)
  report(client, 2)
  await settle()
  edges.socket.drop(1006)
  await edges.clock.advance(2_000)
  expect(edges.positions).toEqual(
    new Map([
      ['T@1', 1],
      ['T@2', 2],
    ]),
  )
})

test('a position that an edge has only just got is not yet taken for delivered', async () => {
  const { edges, client } = start()
  client.connect()
  await settle()
  report(client, 1)
  await edges.clock.advance(4_500)
  report(client, 2)
  await edges.clock.advance(500)
  edges.socket.drop(1006)
  await edges.clock.advance(2_000)
  expect([...edges.positions.values()]).toEqual([1, 2])
})

test('a half-open socket loses no position', async () => {
  const { edges, client } = start()
  client.connect()
  await settle()
  edges.silence()
  for (let at = 1; at <= 200; at += 1) {
    report(client, at)
    await edges.clock.advance(500)
  }
  edges.speak()
  await edges.clock.advance(60_000)
  expect(times(edges)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
})

test('a refused position is told and not sent again; one refused for the moment is', async () => {
  const { edges, client, refused } = start()
  client.connect()
  await settle()
  edges.judge = ({ id = '' }) => ({
    id,
    error:
      id === 'p1'
        ? {
            code: 'INVALID_ARGUMENT',
            reason: 'POSITION_TOO_OLD',
            message: '',
            retryAfterMs: 0,
            violations: [],
          }
        : {
            code: 'RESOURCE_EXHAUSTED',
            reason: 'RATE_LIMITED',
            message: '',
            retryAfterMs: 300,
            violations: [],
          },
  })
  report(client, 1)
  report(client, 2)
  await settle()
  edges.judge = undefined
  await edges.clock.advance(1_000)
  expect(refused).toEqual([{ tripId: 'T', timestampMs: 1, reason: 'POSITION_TOO_OLD' }])
  expect(times(edges)).toEqual([2])
})

test('a batch keeps what the edge could not take now and forgets what it never will', async () => {
  const { edges, client, refused, buffer } = start()
  for (let at = 1; at <= 3; at += 1) report(client, at)
  edges.judge = ({ id = '' }) => ({
    id,
    accepted: {
      accepted: 1,
      rejected: [
        { index: 1, reason: 'POSITION_TOO_OLD' },
        { index: 2, reason: 'UNAVAILABLE' },
      ],
    },
  })
  client.connect()
  await settle()
  expect(buffer.at(-1)?.waiting).toBe(1)
  edges.judge = undefined
  await edges.clock.advance(2_000)
  expect(refused).toEqual([{ tripId: 'T', timestampMs: 2, reason: 'POSITION_TOO_OLD' }])
  expect(times(edges)).toEqual([3])
})

test('a batch that is refused as a whole waits as long as it is told, or is given up where nothing helps', async () => {
  const { edges, client, refused } = start()
  report(client, 1)
  const error = {
    code: 'UNAVAILABLE',
    reason: 'UNAVAILABLE',
    message: '',
    retryAfterMs: 5_000,
    violations: [],
  }
  edges.judge = ({ id = '' }) => ({ id, error })
  client.connect()
  await edges.clock.advance(4_999)
  expect(edges.socket.sent.filter(({ locations }) => locations !== undefined)).toHaveLength(1)
  edges.judge = ({ id = '' }) => ({ id, error: { ...error, code: 'PERMISSION_DENIED', reason: 'FORBIDDEN' } })
  await edges.clock.advance(60_000)
  expect(refused).toEqual([{ tripId: 'T', timestampMs: 1, reason: 'FORBIDDEN' }])
  expect(edges.socket.sent.filter(({ locations }) => locations !== undefined)).toHaveLength(2)
})

test('what is no position throws at its caller', () => {
  const { client } = start()
  expect(() => client.reportPosition('T', { lat: 91, lng: 0 })).toThrow(RangeError)
  expect(() => client.reportPosition('T', { lat: 0, lng: Number.NaN })).toThrow(RangeError)
  expect(() => client.reportPosition('no id!', { lat: 0, lng: 0 })).toThrow(RangeError)
})

test('for any outages, every position that was not dropped arrives', async () => {
  const step = fc.constantFrom('report', 'report', 'report', 'wait', 'drop', 'silence', 'wake', 'down', 'up')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { edges, client, buffer } = start(20)
      client.connect()
      let at = 0
      const doStep: Record<string, () => Promise<void> | void> = {
        report() {
          at += 1
          report(client, at)
        },
        wait: () => edges.clock.advance(3_000),
        drop: () => edges.sockets.at(-1)?.drop(1006),
        silence: () => edges.silence(),
        wake: () => edges.speak(),
        down: () => void edges.down.add('one'),
        up: () => void edges.down.clear(),
      }
      for (const name of steps) {
        await doStep[name]?.()
        await settle()
      }
      edges.speak()
      edges.down.clear()
      await edges.clock.advance(300_000)
      const dropped = buffer.reduce((sum, event) => sum + event.dropped, 0)
      expect(edges.positions.size).toBeGreaterThanOrEqual(at - dropped)
      expect(buffer.at(-1)?.waiting ?? 0).toBe(0)
    }),
    { numRuns: 60 },
  )
}, 60_000)
