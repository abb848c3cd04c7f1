import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClientOn } from './client.ts'
import type { JoinedTrip, TripEnd } from './followed-trip.ts'
import type { Position } from './generated/types.ts'
import { settle } from './testing/fake-clock.ts'
import { FakeEdges } from './testing/fake-edges.ts'

function start() {
  const edges = new FakeEdges()
  const client = createClientOn(edges.runtime, {
    endpoints: ['http://one'],
    token: 'token-1',
    protocol: 'json',
  })
  client.connect()
  return { edges, client }
}

function follow({ client }: ReturnType<typeof start>, tripId = 'T', sinceMs?: number) {
  const positions: Position[] = []
  const joins: JoinedTrip[] = []
  const ends: TripEnd[] = []
  const unfollow = client.followTrip(tripId, {
    sinceMs,
    onPosition: (position) => positions.push(position),
    onJoined: (joined) => joins.push(joined),
    onEnd: (end) => ends.push(end),
  })
  return {
    positions,
    joins,
    ends,
    unfollow,
    seen: () => positions.map(({ userId, timestampMs }) => `${userId}${timestampMs}`),
  }
}

function at(timestampMs: number, userId = 'asha'): Position {
  return { userId, lat: 17, lng: 78, accuracy: 0, speed: 0, heading: 0, timestampMs }
}

function joinsOf(edges: FakeEdges) {
  return edges.sockets.flatMap(({ sent }) => sent.flatMap(({ join }) => (join === undefined ? [] : [join])))
}

test('a follower is told the newest position, then each as it comes', async () => {
  const system = start()
  system.edges.trails.set('T', [at(1), at(2)])
  const follower = follow(system)
  await settle()
  system.edges.socket.receive({ trip: { tripId: 'T', updates: [at(3)] } })
  system.edges.socket.receive({ trip: { tripId: 'another', updates: [at(4)] } })
  expect(follower.joins).toEqual([{ latest: at(2), missed: 0, isComplete: true, isRejoin: false }])
  expect(follower.seen()).toEqual(['asha2', 'asha3'])
})

test('after a reconnect the missed positions come, and none twice', async () => {
  const system = start()
  const { edges } = system
  edges.trails.set('T', [at(1)])
  const follower = follow(system)
  await settle()
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(2)] } })
  edges.trails.set('T', [at(1), at(2), at(3), at(4)])
  edges.socket.drop(1006)
  await edges.clock.advance(1_000)
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(4), at(5)] } })
  expect(joinsOf(edges)).toEqual([
    { tripId: 'T', sinceMs: 0 },
    { tripId: 'T', sinceMs: 2 },
  ])
  expect(follower.seen()).toEqual(['asha1', 'asha2', 'asha3', 'asha4', 'asha5'])
  expect(follower.joins.at(-1)).toMatchObject({ missed: 2, isRejoin: true })
})

test('with two people on a trip nobody’s positions are missed for the other’s newer ones', async () => {
  const system = start()
  const { edges } = system
  const follower = follow(system)
  await settle()
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(100, 'ravi'), at(50, 'asha')] } })
  edges.trails.set('T', [at(50, 'asha'), at(60, 'asha'), at(100, 'ravi')])
  edges.socket.drop(1006)
  await edges.clock.advance(1_000)
  expect(follower.seen()).toEqual(['ravi100', 'asha50', 'asha60'])
})

test('where nobody had reported yet, the beginning is not missed', async () => {
  const system = start()
  const { edges } = system
  const follower = follow(system)
  await settle()
  const joinedMs = edges.clock.nowMs()
  edges.socket.drop(1006)
  edges.trails.set('T', [at(joinedMs + 1), at(joinedMs + 2)])
  await edges.clock.advance(1_000)
  expect(follower.seen()).toEqual([`asha${joinedMs + 1}`, `asha${joinedMs + 2}`])
})

test('while the client moves to another socket the old one’s positions wait for the new one’s join', async () => {
  const system = start()
  const { edges, client } = system
  const follower = follow(system)
  await settle()
  const old = edges.socket
  const trail = client.call.location.getTrail({ tripId: 'T' })
  edges.trails.set('T', [at(1), at(2)])
  old.receive({ goAway: { reason: 'REBALANCE', reconnectAfterMs: 0 } })
  await edges.clock.advance(1)
  old.receive({ trip: { tripId: 'T', updates: [at(3)] } })
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(3)] } })
  expect(follower.seen().filter((seen) => seen === 'asha3')).toHaveLength(1)
  client.close()
  await expect(trail).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test.each([
  ['trip.completed', 'completed'],
  ['trip.cancelled', 'cancelled'],
])('%s ends following, once', async (type, reason) => {
  const system = start()
  const { edges } = system
  const follower = follow(system)
  await settle()
  edges.socket.receive({ event: { type, tripId: 'T', data: {} } })
  edges.socket.receive({ event: { type, tripId: 'T', data: {} } })
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(3)] } })
  expect(follower.ends).toMatchObject([{ reason }])
  expect(follower.positions).toEqual([])
  edges.socket.drop(1006)
  await edges.clock.advance(1_000)
  expect(joinsOf(edges)).toHaveLength(1)
})

test('a join is tried again where that may help, and ends following where it does not', async () => {
  const system = start()
  const { edges } = system
  edges.silence()
  await settle()
  edges.speak()
  await edges.clock.advance(11_000)
  const follower = follow(system)
  const error = {
    code: 'UNAVAILABLE',
    reason: 'UNAVAILABLE',
    message: '',
    retryAfterMs: 3_000,
    violations: [],
  }
  edges.silence()
  await settle()
  const joinId = () => edges.socket.sent.findLast(({ join }) => join !== undefined)?.id ?? ''
  edges.socket.receive({ id: joinId(), error })
  await edges.clock.advance(2_999)
  expect(joinsOf(edges)).toHaveLength(1)
  await edges.clock.advance(1)
  expect(joinsOf(edges)).toHaveLength(2)
  edges.socket.receive({
    id: joinId(),
    error: { ...error, code: 'PERMISSION_DENIED', reason: 'NOT_A_PARTICIPANT' },
  })
  expect(follower.ends).toMatchObject([{ reason: 'refused', error: { reason: 'NOT_A_PARTICIPANT' } }])
})

test('two followers of a trip share a join, and the last to go leaves', async () => {
  const system = start()
  const { edges } = system
  edges.trails.set('T', [at(1)])
  const first = follow(system)
  await settle()
  const second = follow(system)
  expect(second.seen()).toEqual(['asha1'])
  first.unfollow()
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(2)] } })
  expect(first.seen()).toEqual(['asha1'])
  expect(second.seen()).toEqual(['asha1', 'asha2'])
  second.unfollow()
  second.unfollow()
  expect(joinsOf(edges)).toHaveLength(1)
  expect(edges.socket.sent.filter(({ leave }) => leave !== undefined)).toHaveLength(1)
})

test('a listener that throws stops nobody else’s', async () => {
  const system = start()
  const { edges, client } = system
  const thrown = new Promise((resolve) => process.once('unhandledRejection', resolve))
  client.followTrip('T', {
    onPosition() {
      throw new Error('a bug of the app')
    },
  })
  const follower = follow(system)
  await settle()
  edges.socket.receive({ trip: { tripId: 'T', updates: [at(1)] } })
  expect(follower.seen()).toEqual(['asha1'])
  expect(await thrown).toMatchObject({ message: 'a bug of the app' })
})

test('for any losses, each person’s times rise and the last position is seen', async () => {
  const step = fc.constantFrom('asha', 'ravi', 'lost', 'drop', 'wait', 'move')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const system = start()
      const { edges } = system
      const follower = follow(system)
      await settle()
      const trail: Position[] = []
      edges.trails.set('T', trail)
      let time = edges.clock.nowMs()
      for (const name of steps) {
        if (name === 'drop') edges.socket.drop(1006)
        else if (name === 'wait') await edges.clock.advance(1_500)
        else if (name === 'move') edges.socket.receive({ goAway: { reason: 'DRAIN', reconnectAfterMs: 100 } })
        else {
          time += 10
          const position = at(time, name === 'lost' ? 'asha' : name)
          trail.push(position)
          // Of what is lost here only a later join tells.
          if (name === 'lost') edges.socket.drop(1006)
          else edges.socket.receive({ trip: { tripId: 'T', updates: [position] } })
        }
        await settle()
      }
      await edges.clock.advance(60_000)
      for (const user of ['asha', 'ravi']) {
        const seen = follower.positions
          .filter(({ userId }) => userId === user)
          .map((position) => position.timestampMs)
        const reported = trail.filter(({ userId }) => userId === user).map((position) => position.timestampMs)
        expect(seen).toEqual(reported)
      }
    }),
    { numRuns: 60 },
  )
}, 60_000)
