import { type PutTripRequest, TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { CacheInvalidated, PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  asBackend,
  asUser,
  type DirectoryNode,
  newKeyLine,
  onBehalfOf,
  startNode,
} from './testing/directory-node.ts'

const prefix = uniquePrefix()
const mongoDb = `${prefix}directory`
const logLines: string[] = []
let node: DirectoryNode
let nats: NatsConnection
let redis: Redis
let mongo: MongoClient
let ids = 0

/** Fresh for each use, since the stores are shared with other test files. */
function newId(kind: string): string {
  ids += 1
  return `${prefix}${kind}-${ids}`
}

async function reasonOf(call: Promise<unknown>): Promise<ErrorReason> {
  return (await problemOf(call)).reason
}

async function problemOf(call: Promise<unknown>): Promise<DomainError> {
  try {
    await call
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

function tripRequest(change: Partial<PutTripRequest> = {}): PutTripRequest {
  return {
    tripId: newId('trip'),
    driverId: 'driver-1',
    passengerIds: ['rider-1', 'rider-2'],
    bookingId: 'booking-1',
    status: TripStatus.TRIP_STATUS_UNSPECIFIED,
    ...change,
  }
}

beforeAll(async () => {
  node = await startNode({
    mongoDb,
    keys: newKeyLine('k1'),
    sink: { write: (line) => void logLines.push(line) },
  })
  nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  redis = new Redis(testUrl('TEST_REDIS_URL'))
  mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
})

afterAll(async () => {
  await mongo.db(mongoDb).dropDatabase()
  await node[Symbol.asyncDispose]()
  await nats.close()
  redis.disconnect()
  await mongo.close()
})

describe('profiles', () => {
  it('come back with numbers in E.164, and the phone number where no other WhatsApp number is given', async () => {
    const userId = newId('user')
    await node.as('edge').putUser(
      {
        userId,
        name: ' Asha Rao ',
        phone: '098765 43210',
        email: 'asha@example.in',
        locale: 'te',
        pushTokens: ['t1', 't1'],
      },
      asBackend,
    )
    expect(await node.as('notify').getUser({ userId })).toEqual({
      userId,
      name: 'Asha Rao',
      phone: '+919876543210',
      whatsapp: '+919876543210',
      email: 'asha@example.in',
      locale: 'te',
      pushTokens: ['t1'],
      version: 1,
    })
  })

  it('keep their version, and nobody is told, where a put changes nothing', async () => {
    const userId = newId('user')
    const heard: number[] = []
    nats.subscribe(`cache.invalidate.user.${userId}`, {
      callback: (_error, message) => void heard.push(CacheInvalidated.decode(message.data).version),
    })
    await nats.flush()
    const put = { userId, name: 'Asha', phone: '9876543210' }
    const first = await node.as('edge').putUser(put, asBackend)
    const second = await node
      .as('edge')
      .putUser({ ...put, phone: '+91 98765 43210', whatsapp: '09876543210' }, asBackend)
    expect(second).toEqual(first)
    await node.as('edge').putUser({ ...put, name: 'Asha Rao' }, asBackend)
    expect((await node.as('sos').getUser({ userId })).version).toBe(2)
    await until(() => heard.length === 2)
    expect(heard).toEqual([1, 2])
  })

  it('rise by exactly one for each of many changes at once', async () => {
    const userId = newId('user')
    const names = Array.from({ length: 12 }, (_, index) => `name ${index}`)
    await Promise.all(names.map((name) => node.as('edge').putUser({ userId, name }, asBackend)))
    const { version, name } = await node.as('sos').getUser({ userId })
    expect(version).toBe(names.length)
    expect(names).toContain(name)
  })

  it('that nobody has stored are not found', async () => {
    expect(await reasonOf(node.as('notify').getUser({ userId: newId('user') }))).toBe(
      ErrorReason.ERROR_REASON_USER_NOT_FOUND,
    )
  })

  it('with a wrong number are refused by field, without the number', async () => {
    const userId = newId('user')
    const problem = await problemOf(
      node.as('edge').putUser({ userId, phone: '9876543210', whatsapp: '12345678' }, asBackend),
    )
    expect(problem.reason).toBe(ErrorReason.ERROR_REASON_INVALID_PHONE)
    expect(problem.violations.map(({ field }) => field)).toEqual(['whatsapp'])
    expect(JSON.stringify([problem.message, problem.metadata, problem.violations])).not.toContain('12345678')
  })
})

describe('emergency contacts', () => {
  it('are empty at version 0 where none were ever given', async () => {
    const userId = newId('user')
    expect(await node.as('edge').getEmergencyContacts({ userId }, asUser(userId))).toEqual({
      contacts: [],
      version: 0,
    })
  })

  it('are kept in the order given, and name the wrong number by its place', async () => {
    const userId = newId('user')
    const mother = { name: 'Latha', phone: '+919876543211', email: '', relation: 'mother', voiceCall: true }
    const friend = {
      name: 'Ravi',
      phone: '+919876543212',
      email: 'ravi@example.in',
      relation: 'friend',
      voiceCall: false,
    }
    const answer = await node
      .as('edge')
      .putEmergencyContacts(
        { userId, contacts: [{ ...mother, phone: '98765 43211' }, friend] },
        asUser(userId),
      )
    expect(answer.contacts).toEqual([mother, friend])
    expect(await node.as('sos').getEmergencyContacts({ userId })).toEqual({
      contacts: [mother, friend],
      version: 1,
    })
    const problem = await problemOf(
      node
        .as('edge')
        .putEmergencyContacts({ userId, contacts: [mother, { ...friend, phone: '123' }] }, asUser(userId)),
    )
    expect(problem.reason).toBe(ErrorReason.ERROR_REASON_INVALID_PHONE)
    expect(problem.violations.map(({ field }) => field)).toEqual(['contacts[1].phone'])
  })

  it('are at most five', async () => {
    const userId = newId('user')
    const contacts = Array.from({ length: 6 }, () => ({ name: 'A', phone: '9876543210' }))
    expect(await reasonOf(node.as('edge').putEmergencyContacts({ userId, contacts }, asUser(userId)))).toBe(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
    )
  })
})

describe('trips', () => {
  it('start as scheduled, and answer as stored', async () => {
    const request = tripRequest()
    const stored = await node.as('edge').putTrip(request, asBackend)
    expect(stored).toMatchObject({ ...request, status: TripStatus.SCHEDULED })
    expect(await node.as('location').getTrip({ tripId: request.tripId })).toEqual({ ...stored, version: 1 })
  })

  it('tell each change of state and people to everyone concerned, and the end as an end', async () => {
    const request = tripRequest()
    const heard: PushEvent[] = []
    nats.subscribe(`push.trip.${request.tripId}`, {
      callback: (_error, message) => void heard.push(PushEvent.decode(message.data)),
    })
    await nats.flush()
    await node.as('edge').putTrip(request, asBackend)
    await node.as('edge').putTrip({ ...request, status: TripStatus.ACTIVE }, asBackend)
    await node.as('edge').putTrip({ ...request, passengerIds: ['rider-1'] }, asBackend)
    await node
      .as('edge')
      .putTrip({ ...request, passengerIds: ['rider-1'], status: TripStatus.COMPLETED }, asBackend)
    await until(() => heard.length === 3)
    expect(heard.map(({ type, userIds, tripEnded, data }) => ({ type, userIds, tripEnded, data }))).toEqual([
      {
        type: 'trip.started',
        userIds: ['driver-1', 'rider-1', 'rider-2'],
        tripEnded: false,
        data: { status: 'ACTIVE' },
      },
      {
        type: 'trip.updated',
        userIds: ['driver-1', 'rider-1', 'rider-2'],
        tripEnded: false,
        data: { status: 'ACTIVE' },
      },
      {
        type: 'trip.completed',
        userIds: ['driver-1', 'rider-1'],
        tripEnded: true,
        data: { status: 'COMPLETED' },
      },
    ])
  })

  it('are in the log of the operations room before the change is answered', async () => {
    const request = tripRequest({ status: TripStatus.ACTIVE })
    // The directory makes it while it starts.
    await until(async () => (await jetstreamManager(nats)).streams.info('ADMIN'), { timeoutMs: 30_000 })
    await node.as('edge').putTrip(request, asBackend)
    // The log knows an event that it has by its id, and says so.
    const again = { msgID: `trip:${request.tripId}:1` }
    const { duplicate } = await jetstream(nats).publish('admin.event.trip.started', '', again)
    expect(duplicate).toBe(true)
  })

  it('that ended refuse another state and other people, and take the same again', async () => {
    const request = tripRequest({ status: TripStatus.CANCELLED })
    const stored = await node.as('edge').putTrip(request, asBackend)
    expect(await node.as('edge').putTrip(request, asBackend)).toEqual(stored)
    for (const change of [{ status: TripStatus.ACTIVE }, { passengerIds: [] }, { driverId: 'driver-2' }]) {
      expect(await reasonOf(node.as('edge').putTrip({ ...request, ...change }, asBackend))).toBe(
        ErrorReason.ERROR_REASON_TRIP_STATE_CONFLICT,
      )
    }
  })

  it('never have their driver as a passenger', async () => {
    expect(
      await reasonOf(node.as('edge').putTrip(tripRequest({ passengerIds: ['driver-1'] }), asBackend)),
    ).toBe(ErrorReason.ERROR_REASON_INVALID_REQUEST)
  })

  it('that are missing are found as soon as this node stores them', async () => {
    const request = tripRequest()
    const { tripId } = request
    expect(await reasonOf(node.as('location').getTrip({ tripId }))).toBe(
      ErrorReason.ERROR_REASON_TRIP_NOT_FOUND,
    )
    await node.as('edge').putTrip(request, asBackend)
    expect((await node.as('location').getTrip({ tripId })).version).toBe(1)
  })
})

describe('rights', () => {
  const services = ['location', 'edge', 'sos', 'notify', 'maskcall', 'docs', 'admin', 'stranger']

  async function allowed(
    call: (client: ReturnType<DirectoryNode['as']>) => Promise<unknown>,
  ): Promise<string[]> {
    const names: string[] = []
    for (const name of services) {
      const outcome = await call(node.as(name)).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (outcome === undefined) names.push(name)
      else expect(outcome).toMatchObject({ reason: ErrorReason.ERROR_REASON_FORBIDDEN })
    }
    return names
  }

  it('let each service read only what it needs, and none write', async () => {
    const userId = newId('user')
    const trip = tripRequest()
    await node.as('edge').putUser({ userId, name: 'A' }, asBackend)
    await node.as('edge').putTrip(trip, asBackend)
    expect(await allowed((client) => client.getUser({ userId }))).toEqual(['sos', 'notify', 'maskcall'])
    expect(await allowed((client) => client.getEmergencyContacts({ userId }))).toEqual([
      'sos',
      'notify',
      'maskcall',
    ])
    expect(await allowed((client) => client.getTrip({ tripId: trip.tripId }))).toEqual([
      'location',
      'edge',
      'sos',
      'maskcall',
      'docs',
      'admin',
    ])
    expect(await allowed((client) => client.putUser({ userId, name: 'B' }))).toEqual([])
    expect(await allowed((client) => client.putTrip({ ...trip, status: TripStatus.ACTIVE }))).toEqual([])
    expect(await allowed((client) => client.putEmergencyContacts({ userId, contacts: [] }))).toEqual([])
  })

  it('give contacts to the person and the backend, and to no other person, admin or viewer', async () => {
    const userId = newId('user')
    const edge = node.as('edge')
    await edge.putEmergencyContacts({ userId, contacts: [] }, asBackend)
    await edge.getEmergencyContacts({ userId }, asBackend)
    await edge.getEmergencyContacts({ userId }, asUser(userId))
    const others = [
      asUser(newId('user')),
      onBehalfOf({ kind: 'user', userId: newId('user'), role: 'admin', deviceId: '' }),
      onBehalfOf({ kind: 'viewer', scope: 'fleet' }),
    ]
    for (const other of others) {
      expect(await reasonOf(edge.getEmergencyContacts({ userId }, other))).toBe(
        ErrorReason.ERROR_REASON_FORBIDDEN,
      )
      expect(await reasonOf(edge.putEmergencyContacts({ userId, contacts: [] }, other))).toBe(
        ErrorReason.ERROR_REASON_FORBIDDEN,
      )
    }
  })

  it('give a trip’s people to operations', async () => {
    const trip = tripRequest()
    await node.as('edge').putTrip(trip, asBackend)
    const admin = onBehalfOf({ kind: 'user', userId: newId('admin'), role: 'admin', deviceId: '' })
    expect(await node.as('edge').getTrip({ tripId: trip.tripId }, admin)).toMatchObject({
      driverId: trip.driverId,
      passengerIds: trip.passengerIds,
    })
  })

  it('give a person nothing of profiles and trips, not even the own', async () => {
    const userId = newId('user')
    await node.as('edge').putUser({ userId, name: 'A' }, asBackend)
    for (const call of [
      node.as('edge').getUser({ userId }, asUser(userId)),
      node.as('edge').putUser({ userId, name: 'B' }, asUser(userId)),
      node.as('edge').getTrip({ tripId: 't' }, asUser(userId)),
      node.as('edge').putTrip(tripRequest(), asUser(userId)),
    ]) {
      expect(await reasonOf(call)).toBe(ErrorReason.ERROR_REASON_FORBIDDEN)
    }
  })
})

describe('personal data', () => {
  /**
   * Invariant: nothing that says who a person is can be read in MongoDB, in
   * Redis or in the log. Method: store and read it, also by requests that
   * fail, then search everything raw for several ways to write it.
   */
  it('is in plain in no document, no cached value and no log line', async () => {
    const userId = newId('user')
    const contact = {
      name: 'Lathamma Reddy',
      phone: '+91 99887 76655',
      email: 'lathamma@example.in',
      relation: 'grandmother',
    }
    await node.as('edge').putUser(
      {
        userId,
        name: 'Ashwini Rao',
        phone: '098765 43210',
        email: 'ashwini@example.in',
        whatsapp: '+44 20 7946 0958',
        pushTokens: ['push-token-of-ashwini'],
      },
      asBackend,
    )
    await node.as('edge').putEmergencyContacts({ userId, contacts: [contact] }, asUser(userId))
    await node.as('sos').getUser({ userId })
    await node.as('sos').getEmergencyContacts({ userId })
    await reasonOf(node.as('edge').putUser({ userId, phone: '98765 43210 12345' }, asBackend))
    await reasonOf(node.as('edge').putUser({ userId, phone: '9876543210', email: 'ashwini@' }, asBackend))
    await reasonOf(node.as('location').getUser({ userId }))

    const raw: string[] = [...logLines]
    for (const name of ['users', 'emergency_contacts', 'trips']) {
      for (const document of await mongo.db(mongoDb).collection(name).find().toArray())
        raw.push(JSON.stringify(document))
    }
    const keys = [`user:{${userId}}`, `emergency:{${userId}}`]
    for (const key of keys) {
      const value = await redis.hgetall(key)
      expect(Object.keys(value).sort()).toEqual(['value', 'version'])
      raw.push(JSON.stringify(value))
    }
    expect(raw.some((text) => text.includes(userId))).toBe(true)
    expect(logLines.length).toBeGreaterThan(10)
    const text = raw.join('\n').toLowerCase()
    // Sealed text is random letters: a short name stands in it by chance.
    const unsealed = text.replaceAll(/v1:k1:[\w-]+/g, '')
    const digits = unsealed.replaceAll(/[\s().-]/g, '')
    const plain = [
      'ashwini',
      'rao',
      'lathamma',
      'reddy',
      'grandmother',
      'push-token',
      'example.in',
      '9876543210',
      '98765 43210',
      '9988776655',
      '99887 76655',
      '2079460958',
      '7946 0958',
    ]
    const encoded = ['+919876543210', 'ashwini@example.in', 'Ashwini Rao'].flatMap((secret) => [
      Buffer.from(secret).toString('base64').replaceAll('=', '').toLowerCase(),
      Buffer.from(secret).toString('hex'),
    ])
    for (const secret of plain) expect(unsealed, secret).not.toContain(secret)
    for (const secret of encoded) expect(text, secret).not.toContain(secret)
    for (const number of ['9876543210', '9988776655', '2079460958'])
      expect(digits, number).not.toContain(number)
  })

  it('cannot be written in plain even by a wrong program: the validator refuses it', async () => {
    const users = mongo.db(mongoDb).collection<{ _id: string }>('users')
    const document = {
      _id: newId('user'),
      version: 1,
      updatedAt: new Date(),
      keyId: 'k1',
      locale: '',
      phone: '+919876543210',
    }
    await expect(users.insertOne(document)).rejects.toThrow(/validation/)
  })
})

describe('the operations port', () => {
  it('is ready with all stores there, and shows the metrics of the business', async () => {
    const base = `http://127.0.0.1:${node.directory.opsPort}`
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    const metrics = await (await fetch(`${base}/metrics`)).text()
    expect(metrics).toMatch(/hushryd_directory_reads_total\{[^}]*source="store"[^}]*\} \d/)
    expect(metrics).toMatch(/hushryd_directory_writes_total\{[^}]*outcome="changed"[^}]*\} \d/)
  })
})
