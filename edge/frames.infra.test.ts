import { ClientFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { PARTITIONS_DEFAULT } from '@hushryd/kernel/partition.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type App, type AppOptions, openApp } from './testing/app.ts'
import { asBackend, type EdgeNode, natsUrl, startNode } from './testing/edge-node.ts'
import { FakeServices } from './testing/fake-services.ts'

const DATABASE = 2
const id = uniquePrefix()
const driver = `${id}-driver`
const rider = `${id}-rider`
let services: FakeServices
let first: EdgeNode
let second: EdgeNode
let nats: NatsConnection
let apps: App[] = []
let trips = 0

async function open(
  userId: string,
  role: 'passenger' | 'driver' | 'admin',
  options: Partial<AppOptions> = {},
) {
  const token = await first.login(userId, role)
  const app = await openApp({ url: first.wsUrl, token, ...options })
  apps.push(app)
  return app
}

function newTrip(): string {
  trips += 1
  const tripId = `${id}-trip-${trips}`
  services.putTrip(tripId, driver, [rider])
  return tripId
}

async function join(app: App, tripId: string): Promise<void> {
  app.send({ id: `join ${tripId}`, join: { tripId } })
  expect(await app.answer(`join ${tripId}`)).toMatchObject({ joined: { tripId } })
}

function positionAt(timestampMs: number) {
  return { lat: 17.4, lng: 78.5, accuracy: 5, speed: 8, heading: 90, timestampMs }
}

beforeAll(async () => {
  services = await new FakeServices().start()
  first = await startNode({ services, database: DATABASE })
  second = await startNode({ services, database: DATABASE })
  nats = await connectNats({ servers: natsUrl() })
})

afterEach(() => {
  for (const app of apps) app.ws.terminate()
  apps = []
})

afterAll(async () => {
  await nats.close()
  await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()])
  await services[Symbol.asyncDispose]()
})

describe('a position', () => {
  it('reaches followers on another edge, in both subprotocols, with its driver’s name on it', async () => {
    const tripId = newTrip()
    const app = await open(driver, 'driver')
    const json = await open(rider, 'passenger', { url: second.wsUrl })
    const binary = await open(`${id}-admin`, 'admin', {
      url: second.wsUrl,
      protocols: ['hushryd.v1.proto'],
    })
    await join(json, tripId)
    binary.ws.send(
      ClientFrame.encode({ id: 'j', frame: { $case: 'join', value: { tripId, sinceMs: 0 } } }).finish(),
    )
    await binary.answer('j')
    const position = positionAt(Date.now())
    app.send({ location: { tripId, ...position } })
    const expected = { trip: { tripId, updates: [{ userId: driver, ...position }] } }
    expect(await json.kind('trip')).toEqual(expected)
    expect(await binary.kind('trip')).toEqual(expected)
  })

  it('that the location service refuses is an error with the frame’s id', async () => {
    const tripId = newTrip()
    const app = await open(driver, 'driver')
    const cases = [
      [positionAt(Date.now() + 120_000), 'POSITION_IN_FUTURE'],
      [positionAt(Date.now() - 7_200_000), 'POSITION_TOO_OLD'],
      [{ ...positionAt(Date.now()), lat: 91 }, 'POSITION_OUT_OF_RANGE'],
      [{ ...positionAt(Date.now()), lat: 'NaN' }, 'INVALID_REQUEST'],
      [{ timestampMs: Date.now() }, 'INVALID_REQUEST'],
    ] as const
    for (const [index, [position, reason]] of cases.entries()) {
      app.send({ id: `${index}`, location: { tripId, ...position } })
      expect(await app.answer(`${index}`)).toMatchObject({ error: { code: 'INVALID_ARGUMENT', reason } })
    }
    const binary = await open(driver, 'driver', { protocols: ['hushryd.v1.proto'] })
    const value = { tripId, ...positionAt(Date.now()), lat: Number.NaN }
    binary.ws.send(ClientFrame.encode({ id: 'nan', frame: { $case: 'location', value } }).finish())
    expect(await binary.answer('nan')).toMatchObject({ error: { reason: 'POSITION_OUT_OF_RANGE' } })
  })

  it('is a driver’s to send, for a trip that they drive', async () => {
    const tripId = newTrip()
    const passenger = await open(rider, 'passenger')
    passenger.send({ id: '1', location: { tripId, ...positionAt(Date.now()) } })
    expect(await passenger.answer('1')).toMatchObject({ error: { reason: 'FORBIDDEN' } })
    const other = await open(`${id}-other-driver`, 'driver')
    other.send({ id: '2', location: { tripId, ...positionAt(Date.now()) } })
    expect(await other.answer('2')).toMatchObject({ error: { reason: 'NOT_THE_DRIVER' } })
  })

  it('buffered offline comes with others in one frame, over several partitions, and is answered by its place', async () => {
    const app = await open(driver, 'driver')
    const updates = Array.from({ length: 500 }, (_, index) => ({
      tripId: `${id}-trip-${1 + (index % 4)}`,
      ...positionAt(Date.now() - index),
    }))
    newTrip()
    updates[3] = { tripId: `${id}-nowhere`, ...positionAt(Date.now()) }
    app.send({ id: 's', locations: { updates } })
    expect(await app.answer('s')).toEqual({
      id: 's',
      accepted: { accepted: 499, rejected: [{ index: 3, reason: 'TRIP_NOT_FOUND' }] },
    })
    app.send({ id: 't', locations: { updates: [...updates, ...updates].slice(0, 501) } })
    expect(await app.answer('t')).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } })
  })
})

describe('a stranger to a trip', () => {
  it('is refused, and sees nothing of it', async () => {
    const tripId = newTrip()
    const stranger = await open(`${id}-stranger`, 'passenger')
    stranger.send({ id: '1', join: { tripId } })
    expect(await stranger.answer('1')).toMatchObject({
      error: { code: 'PERMISSION_DENIED', reason: 'NOT_A_PARTICIPANT' },
    })
    const follower = await open(rider, 'passenger')
    await join(follower, tripId)
    const app = await open(driver, 'driver')
    app.send({ location: { tripId, ...positionAt(Date.now()) } })
    await follower.kind('trip')
    stranger.send({ ping: {} })
    await stranger.kind('pong')
    expect(stranger.frames).toEqual([])
  })
})

describe('a frame that breaks a rule', () => {
  it('has its error and leaves the socket open: malformed, unknown, of the wrong kind', async () => {
    const app = await open(rider, 'passenger')
    const cases = [
      ['no json', 'MALFORMED'],
      ['[1]', 'MALFORMED'],
      ['{"join":{"tripId":7}}', 'MALFORMED'],
      ['{"fly":{}}', 'INVALID_REQUEST'],
      ['{"join":{"tripId":"a b"}}', 'INVALID_REQUEST'],
      [Buffer.from([1, 2, 3]), 'MALFORMED'],
      ['{"id":"x","call":{"method":"no.such.Service/Method"}}', 'UNKNOWN_METHOD'],
      ['{"id":"x","call":{"method":"hushryd.location.v1.LocationService/Connect"}}', 'UNKNOWN_METHOD'],
    ] as const
    for (const [frame, reason] of cases) {
      app.ws.send(frame)
      expect(await app.kind('error')).toMatchObject({ error: { reason } })
    }
    const binary = await open(rider, 'passenger', { protocols: ['hushryd.v1.proto'] })
    for (const frame of [Buffer.from([0xff, 0xff, 0xff]), '{}']) {
      binary.ws.send(frame)
      expect(await binary.kind('error')).toMatchObject({ error: { reason: 'MALFORMED' } })
    }
  })

  it('of 64 KiB + 1 has an error and is closed with 1009; a far larger one is cut off with 1009', async () => {
    const app = await open(rider, 'passenger')
    app.ws.send(`{"ping":{}}${' '.repeat(64 * 1024 - 11)}`)
    await app.kind('pong')
    app.ws.send(`{"ping":{}}${' '.repeat(64 * 1024 - 10)}`)
    expect(await app.kind('error')).toMatchObject({ error: { reason: 'TOO_LARGE' } })
    expect(await app.closed).toMatchObject({ code: 1009 })
    const large = await open(rider, 'passenger')
    large.ws.send('x'.repeat(300 * 1024))
    expect(await large.closed).toMatchObject({ code: 1009 })
  })

  it('of the WebSocket protocol is answered with its close code', async () => {
    const text = await open(rider, 'passenger')
    text.ws.send(Buffer.from([0xc3, 0x28]), { binary: false })
    expect(await text.closed).toMatchObject({ code: 1007 })
    const raw = await open(rider, 'passenger')
    // Opcode 3 is reserved; masked, empty. The library keeps its TCP socket in _socket.
    ;(raw.ws as unknown as { _socket: { write(data: Buffer): void } })._socket.write(
      Buffer.from([0x83, 0x80, 0, 0, 0, 0]),
    )
    expect(await raw.closed).toMatchObject({ code: 1002 })
    expect(await first.metrics()).toMatch(
      /hushryd_edge_socket_failures_total\{[^}]*cause="not_utf8"[^}]*\} 1/,
    )
  })

  it('in pieces is one frame', async () => {
    const app = await open(rider, 'passenger')
    app.ws.send('{"id":"1","pi', { fin: false })
    app.ws.send('ng":{}}', { fin: true })
    expect(await app.answer('1')).toEqual({ id: '1', pong: {} })
  })
})

describe('limits', () => {
  it('of 1,000 joins at once each has its answer, and at most 50 trips are followed', async () => {
    const app = await open(driver, 'driver')
    for (let index = 0; index < 1_000; index += 1) {
      services.putTrip(`${id}-join-${index}`, driver, [])
      app.send({ id: `${index}`, join: { tripId: `${id}-join-${index}` } })
    }
    let joined = 0
    const reasons = new Map<string, number>()
    for (let index = 0; index < 1_000; index += 1) {
      const frame = await app.answer(`${index}`)
      if ('joined' in frame) joined += 1
      else {
        const { reason } = frame.error as { reason: string }
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      }
    }
    expect(joined).toBe(50)
    expect([...reasons.keys()].sort()).toEqual(['LIMIT_REACHED', 'RATE_LIMITED'])
  })

  it('of frames are 60 at once, each one beyond told when to come again', async () => {
    const app = await open(rider, 'passenger')
    for (let index = 0; index < 100; index += 1) app.send({ id: `${index}`, ping: {} })
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => app.answer(`${index}`)))
    const refused = answers.filter((frame) => 'error' in frame)
    expect(refused.length).toBeGreaterThan(30)
    expect(refused.length).toBeLessThanOrEqual(40)
    for (const frame of refused) {
      expect(frame.error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: expect.any(Number) })
    }
  })

  it('count an offline sync as one frame', async () => {
    const tripId = newTrip()
    const app = await open(driver, 'driver')
    const updates = Array.from({ length: 100 }, (_, index) => ({ tripId, ...positionAt(Date.now() - index) }))
    for (let index = 0; index < 20; index += 1) app.send({ id: `${index}`, locations: { updates } })
    for (let index = 0; index < 20; index += 1) {
      expect(await app.answer(`${index}`)).toMatchObject({ accepted: { accepted: 100 } })
    }
  })

  it('hold back a socket that floods, and let it go on afterwards', async () => {
    const app = await open(rider, 'passenger')
    for (let index = 0; index < 5_000; index += 1) app.ws.send('{"ping":{}}')
    await until(async () => /hushryd_edge_floods_total\{[^}]*\} [1-9]/.test(await first.metrics()))
    const pong = async (): Promise<boolean> => {
      app.send({ id: 'last', ping: {} })
      return 'pong' in (await app.answer('last'))
    }
    expect(await until(pong, { timeoutMs: 20_000, what: 'a pong' })).toBe(true)
  }, 40_000)
})

describe('events', () => {
  function publish(subject: string, event: Partial<PushEvent>): void {
    nats.publish(subject, PushEvent.encode(PushEvent.fromPartial(event)).finish())
  }

  /** What was published before has been handled: messages of one publisher keep their order. */
  async function settled(app: App): Promise<void> {
    const admin = await open(`${id}-settling`, 'admin')
    publish('push.admin', { type: 'test.done' })
    await admin.kind('event')
    app.send({ ping: {} })
    await app.kind('pong')
  }

  it('of a trip reach its followers and the people named, each socket once', async () => {
    const tripId = newTrip()
    const follower = await open(rider, 'passenger')
    const named = await open(driver, 'driver', { protocols: ['hushryd.v1.proto'] })
    const other = await open(`${id}-stranger`, 'passenger')
    await join(follower, tripId)
    const data = { status: 'ACTIVE' }
    publish(`push.trip.${tripId}`, { type: 'trip.started', tripId, data, userIds: [rider, driver] })
    const expected = { event: { type: 'trip.started', tripId, data } }
    expect(await follower.kind('event')).toEqual(expected)
    expect(await named.kind('event')).toEqual(expected)
    await settled(follower)
    for (const app of [follower, named, other]) expect(app.frames).toEqual([])
  })

  it('that end a trip close its room', async () => {
    const tripId = newTrip()
    const follower = await open(rider, 'passenger')
    await join(follower, tripId)
    publish(`push.trip.${tripId}`, { type: 'trip.completed', tripId, userIds: [rider], tripEnded: true })
    expect(await follower.kind('event')).toMatchObject({ event: { type: 'trip.completed' } })
    services.deliver(tripId, { userId: driver, ...positionAt(Date.now()) })
    await settled(follower)
    expect(follower.frames).toEqual([])
  })

  it('of an alert reach the one who raised it and admins, whatever the subject says', async () => {
    const tripId = newTrip()
    const onTrip = await open(driver, 'driver')
    const raiser = await open(rider, 'passenger')
    const admin = await open(`${id}-admin`, 'admin')
    await join(onTrip, tripId)
    await join(raiser, tripId)
    const alert = { type: 'sos.raised', tripId, data: { alertId: 'a' } }
    publish(`push.trip.${tripId}`, { ...alert, userIds: [driver, rider] })
    publish(`push.user.${driver}`, { ...alert, userId: rider })
    publish(`push.user.${rider}`, { ...alert, userId: rider })
    publish('push.admin', alert)
    expect(await raiser.kind('event')).toEqual({ event: alert })
    expect(await admin.kind('event')).toEqual({ event: alert })
    await settled(onTrip)
    expect([onTrip.frames, raiser.frames]).toEqual([[], []])
  })

  it('broadcast by the backend reach people on every edge, and never carry an alert', async () => {
    const tripId = newTrip()
    const here = await open(rider, 'passenger')
    const there = await open(driver, 'driver', { url: second.wsUrl })
    await second.admin.broadcastToTrip({ tripId, type: 'trip.message', data: { text: 'hello' } }, asBackend)
    const expected = { event: { type: 'trip.message', tripId, data: { text: 'hello' } } }
    expect(await here.kind('event')).toEqual(expected)
    expect(await there.kind('event')).toEqual(expected)
    const alert = second.admin.broadcastToTrip({ tripId, type: 'sos.raised', data: {} }, asBackend)
    await expect(alert).rejects.toThrow(/never told/)
  })
})

describe('a call', () => {
  it('reaches the method, with the caller’s session, as JSON and as bytes', async () => {
    const app = await open(rider, 'passenger')
    app.send({ id: '1', call: { method: 'hushryd.edge.v1.SessionService/GetSession', request: {} } })
    expect(await app.answer('1')).toMatchObject({ result: { userId: rider } })
    app.send({ id: '2', call: { method: 'hushryd.edge.v1.SessionService/CreateWsTicket', request: {} } })
    expect(await app.answer('2')).toMatchObject({ result: { ticket: expect.any(String) } })
    const binary = await open(rider, 'passenger', { protocols: ['hushryd.v1.proto'] })
    const method = 'hushryd.edge.v1.SessionService/GetSession'
    const value = { method, request: Buffer.alloc(0), timeoutMs: 0 }
    binary.ws.send(ClientFrame.encode({ id: '3', frame: { $case: 'call', value } }).finish())
    const answer = await binary.answer('3')
    expect(String(answer.result)).toContain(rider)
  })
})

describe('the location service', () => {
  it('that restarts finds joined trips again, and positions go on', async () => {
    const own = await new FakeServices().start()
    await using node = await startNode({ services: own, database: DATABASE })
    const tripId = `${id}-restart`
    own.putTrip(tripId, driver, [rider])
    const token = await node.login(rider)
    using app = await openApp({ url: node.wsUrl, token })
    await join(app, tripId)
    const port = Number(own.address.split(':')[1])
    await own.stop()
    await own.start(port)
    await until(() => own.laneCount === PARTITIONS_DEFAULT, { timeoutMs: 15_000, what: 'all lanes' })
    const delivered = async (): Promise<boolean> => {
      own.deliver(tripId, { userId: driver, ...positionAt(Date.now()) })
      return app.frames.some((frame) => 'trip' in frame)
    }
    expect(await until(delivered, { timeoutMs: 15_000, what: 'a position' })).toBe(true)
    await own.stop()
  }, 40_000)
})
