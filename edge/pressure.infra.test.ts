import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HELD_BYTES_MAX } from './outbox.ts'
import { openApp, refusalOf } from './testing/app.ts'
import { asBackend, type EdgeNode, natsUrl, redisUrl, startNode } from './testing/edge-node.ts'
import { FakeServices } from './testing/fake-services.ts'

const id = uniquePrefix()
let services: FakeServices
let nats: NatsConnection

beforeAll(async () => {
  services = await new FakeServices().start()
  nats = await connectNats({ servers: natsUrl() })
  // An order to drain is on record there.
  await ensureEventLog(nats)
})

afterAll(async () => {
  await nats.close()
  await services[Symbol.asyncDispose]()
})

function pushTo(userId: string, type: string, bytes: number): void {
  const event = PushEvent.fromPartial({ type, userId, data: { filler: 'x'.repeat(bytes) } })
  nats.publish(`push.user.${userId}`, PushEvent.encode(event).finish())
}

async function connectionsOf(node: EdgeNode): Promise<number> {
  return (await node.admin.getConnectionCount({}, asBackend)).here
}

describe('a reader that never reads', () => {
  const DATABASE = 3

  it('is closed once its answers and events pass the bound, and others go on', async () => {
    await using node = await startNode({ services, database: DATABASE })
    const slow = `${id}-slow`
    using good = await openApp({ url: node.wsUrl, token: await node.login(`${id}-good`) })
    using app = await openApp({ url: node.wsUrl, token: await node.login(slow) })
    app.ws.pause()
    const before = process.memoryUsage().rss
    // Far more than the bound and all that the kernel buffers on both sides.
    const eventBytes = 16 * 1024
    for (let sent = 0; sent < 32 * HELD_BYTES_MAX; sent += eventBytes) {
      pushTo(slow, 'trip.message', eventBytes)
      await nats.flush()
    }
    await until(async () => /closes_total\{[^}]*code="SLOW_CONSUMER"[^}]*\} 1/.test(await node.metrics()))
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024)
    good.send({ ping: {} })
    await good.kind('pong')
    // The goodbye gets no further than the full socket, which is cut off.
    await until(async () => (await connectionsOf(node)) === 1)
  })

  it('gets the newest position of each trip once it reads again, with times that rise', async () => {
    await using node = await startNode({ services, database: DATABASE })
    const rider = `${id}-late-reader`
    const driver = `${id}-busy-driver`
    const tripIds = [`${id}-slow-1`, `${id}-slow-2`]
    for (const tripId of tripIds) services.putTrip(tripId, driver, [rider])
    using app = await openApp({ url: node.wsUrl, token: await node.login(rider) })
    using good = await openApp({ url: node.wsUrl, token: await node.login(rider) })
    for (const tripId of tripIds) {
      for (const each of [app, good]) {
        each.send({ id: tripId, join: { tripId } })
        await each.answer(tripId)
      }
    }
    app.ws.pause()
    const startMs = Date.now() - 1_000_000
    let count = 0
    const skipped = async (): Promise<boolean> =>
      /positions_skipped_total\{[^}]*\} [1-9]\d{2}/.test(await node.metrics())
    for (let isSkipping = false; !isSkipping; isSkipping = await skipped()) {
      for (let index = 0; index < 2_000; index += 1) {
        count += 1
        for (const tripId of tripIds) {
          const position = {
            lat: 17,
            lng: 78,
            accuracy: 1,
            speed: 1,
            heading: 1,
            timestampMs: startMs + count,
          }
          services.deliver(tripId, { userId: driver, ...position })
        }
      }
      const isLast = (frame: object): boolean => timeOf(frame, tripIds[1]) === startMs + count
      await until(() => good.frames.some(isLast), { what: 'the good reader', timeoutMs: 20_000 })
      good.frames.length = 0
    }
    app.ws.resume()
    for (const tripId of tripIds) {
      await until(() => app.frames.some((frame) => timeOf(frame, tripId) === startMs + count), {
        timeoutMs: 20_000,
        what: 'the newest position',
      })
      const times = app.frames.map((frame) => timeOf(frame, tripId)).filter((time) => time !== undefined)
      expect(times.length).toBeLessThan(count)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      expect(new Set(times).size).toBe(times.length)
    }
  }, 60_000)
})

function timeOf(frame: object, tripId: string | undefined): number | undefined {
  const { trip } = frame as { trip?: { tripId: string; updates: { timestampMs: number }[] } }
  return trip?.tripId === tripId ? trip?.updates[0]?.timestampMs : undefined
}

describe('a socket that is half open', () => {
  it('is closed after two heartbeats without a sign of life, and one that pings is not', async () => {
    await using node = await startNode({ services, database: 4, env: { HEARTBEAT_MS: '300' } })
    const { hostname, port } = new URL(node.wsUrl)
    await using proxy = await startFaultyProxy({ target: `${hostname}:${port}` })
    using dead = await openApp({ url: `${proxy.url('ws')}/v1/ws`, token: await node.login(`${id}-dead`) })
    using alive = await openApp({ url: node.wsUrl, token: await node.login(`${id}-alive`) })
    proxy.stall()
    await until(async () => (await connectionsOf(node)) === 1)
    expect(await node.metrics()).toMatch(/closes_total\{[^}]*code="HEARTBEAT_LOST"[^}]*\} 1/)
    alive.send({ ping: {} })
    await alive.kind('pong')
    expect(dead.frames).toEqual([])
  })
})

describe('a node that drains', () => {
  it('by order sends its sockets away in waves, refuses new ones, and is not ready', async () => {
    const database = 5
    await using stays = await startNode({ services, database })
    await using node = await startNode({ services, database, env: { DRAIN_MS: '1000' } })
    await until(async () => (await stays.admin.listEdges({}, asBackend)).edges.length === 2)
    const tokens = await Promise.all(
      Array.from({ length: 12 }, (_, index) => node.login(`${id}-drain-${index}`)),
    )
    const apps = await Promise.all(tokens.map((token) => openApp({ url: node.wsUrl, token })))
    await stays.admin.drainEdge({ edgeId: node.edgeId }, asBackend)
    const goodbyes = await Promise.all(apps.map((app) => app.kind('goAway')))
    for (const { goAway } of goodbyes) expect(goAway).toMatchObject({ reason: 'DRAIN' })
    expect(new Set(goodbyes.map(({ goAway }) => JSON.stringify(goAway))).size).toBeGreaterThan(1)
    const [token = ''] = tokens
    const refusal = await refusalOf({ url: node.wsUrl, token })
    expect([refusal.status, refusal.problem.code]).toEqual([503, 'UNAVAILABLE'])
    expect(refusal.retryAfter).toBeDefined()
    using moved = await openApp({ url: stays.wsUrl, token })
    expect(moved.welcome).toMatchObject({ edgeId: stays.edgeId })
    for (const { code } of await Promise.all(apps.map(({ closed }) => closed))) expect(code).toBe(4000)
    expect((await fetch(`http://127.0.0.1:${node.edge.opsPort}/readyz`)).status).toBe(503)
    const { edges } = await stays.admin.listEdges({}, asBackend)
    expect(edges.map(({ edgeId, draining }) => [edgeId, draining]).sort()).toEqual(
      [
        [stays.edgeId, false],
        [node.edgeId, true],
      ].sort(),
    )
    await expect(stays.admin.drainEdge({ edgeId: 'edge-nowhere' }, asBackend)).rejects.toThrow(/No edge node/)
  })

  it('by being stopped says goodbye, ends early where everyone goes, and leaves the list', async () => {
    const database = 5
    await using stays = await startNode({ services, database })
    const node = await startNode({ services, database, env: { DRAIN_MS: '20000' } })
    const app = await openApp({ url: node.wsUrl, token: await node.login(`${id}-stop`) })
    const stopped = node[Symbol.asyncDispose]()
    await app.kind('goAway')
    app.ws.close()
    await stopped
    const { edges } = await stays.admin.listEdges({}, asBackend)
    expect(edges.map(({ edgeId }) => edgeId)).not.toContain(node.edgeId)
  })
})

describe('a fleet', () => {
  it('is evened out after a node comes: the old one refuses and hands over', async () => {
    const database = 6
    await using old = await startNode({ services, database })
    const login = async (index: number) => ({ index, token: await old.login(`${id}-fleet-${index}`) })
    const people = await Promise.all(Array.from({ length: 80 }, (_, index) => login(index)))
    const apps = await Promise.all(people.map(({ token }) => openApp({ url: old.wsUrl, token })))
    await using young = await startNode({ services, database })
    const goodbyes: unknown[] = []
    const moves = apps.map(async (app, index) => {
      // As an app does: elsewhere when told so.
      goodbyes.push((await app.next((frame) => 'goAway' in frame, Number.POSITIVE_INFINITY)).goAway)
      app.ws.close()
      apps[index] = await openApp({ url: young.wsUrl, token: people[index]?.token ?? '' })
    })
    // Many are never told, and one may be told just when the test ends.
    void Promise.allSettled(moves)
    const refusal = await until(() => refusalOf({ url: old.wsUrl, token: people[0]?.token ?? '' }), {
      what: 'a refusal',
    })
    expect([refusal.status, refusal.problem.code]).toEqual([503, 'UNAVAILABLE'])
    const isEven = async (): Promise<boolean> =>
      Math.abs((await connectionsOf(old)) - (await connectionsOf(young))) <= 40
    await until(isEven, { timeoutMs: 20_000, what: 'an even fleet' })
    expect(await old.metrics()).toMatch(/upgrades_refused_total\{[^}]*cause="balance"[^}]*\} [1-9]/)
    expect(goodbyes.length).toBeGreaterThanOrEqual(20)
    for (const goAway of goodbyes) expect(goAway).toMatchObject({ reason: 'REBALANCE' })
    for (const app of apps) app.ws.terminate()
  }, 40_000)
})

describe('a storm', () => {
  it('is admitted at a bounded rate, the rest told when to come back', async () => {
    await using node = await startNode({ services, database: 7, env: { CONNECTS_PER_SECOND: '5' } })
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => node.login(`${id}-storm-${index}`)),
    )
    const outcomes = await Promise.all(
      tokens.map((token) => openApp({ url: node.wsUrl, token }).catch(() => undefined)),
    )
    const admitted = outcomes.filter((app) => app !== undefined)
    expect(admitted.length).toBeGreaterThanOrEqual(5)
    expect(admitted.length).toBeLessThan(15)
    // Those without a right to come are told so at any time, and take nobody's place.
    for (let index = 0; index < 20; index += 1) {
      const refusal = await refusalOf({ url: node.wsUrl, token: 'nonsense' })
      expect(refusal.status).toBe(401)
    }
    using late = await until(() => openApp({ url: node.wsUrl, token: tokens[0] ?? '' }))
    expect(late.welcome).toMatchObject({ edgeId: node.edgeId })
    for (const app of admitted) app.ws.terminate()
  })
})

describe('Redis away', () => {
  it('leaves open sockets alone and answers new ones UNAVAILABLE', async () => {
    const database = 8
    await using proxy = await startFaultyProxy({ target: new URL(redisUrl(database)).host })
    await using node = await startNode({
      services,
      database,
      env: { REDIS_URL: `${proxy.url('redis')}/${database}` },
    })
    const token = await node.login(`${id}-away`)
    using app = await openApp({ url: node.wsUrl, token })
    proxy.cut()
    const refusal = await refusalOf({ url: node.wsUrl, token })
    expect([refusal.status, refusal.problem.code]).toEqual([503, 'UNAVAILABLE'])
    app.send({ ping: {} })
    await app.kind('pong')
    proxy.heal()
    using again = await until(() => openApp({ url: node.wsUrl, token }), { timeoutMs: 15_000 })
    expect(again.welcome).toMatchObject({ userId: `${id}-away` })
  }, 40_000)
})

describe('several processes on one port', () => {
  it('share it where the setting says so, and name the port where it does not', async () => {
    const database = 9
    const env = { EDGE_REUSE_PORT: 'true' }
    await using one = await startNode({ services, database, env })
    const HTTP_PORT = String(one.edge.httpPort)
    await using two = await startNode({ services, database, env: { ...env, HTTP_PORT } })
    expect(two.edge.httpPort).toBe(one.edge.httpPort)
    using app = await openApp({ url: one.wsUrl, token: await one.login(`${id}-shared-port`) })
    expect([one.edgeId, two.edgeId]).toContain(app.welcome.edgeId)
    await expect(startNode({ services, database, env: { HTTP_PORT } })).rejects.toThrow(/EADDRINUSE/)
  })
})
