/**
 * Invariant: what was accepted is sent, by whatever store is left, at most once
 * by a process that lives, and is on record once MongoDB is back. Method: a
 * proxy before each store that is cut, while messages are queued.
 */
import { NotificationState } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PLAN_LIMITS } from './plan.ts'
import { accepts, createFakes, hangs, takes } from './testing/fake-provider.ts'
import {
  asBackend,
  type NodeOptions,
  type NotifyNode,
  newKeyLine,
  startNode,
  testUrl,
} from './testing/notify-node.ts'
import { type People, startPeople } from './testing/people.ts'

const prefix = uniquePrefix()
const mongoDb = `${prefix}notify`
const fakes = createFakes()
let people: People
let natsProxy: FaultyProxy
let mongoProxy: FaultyProxy
let options: NodeOptions
let node: NotifyNode
let nats: NatsConnection
let mongo: MongoClient
let ids = 0

function newUser() {
  ids += 1
  const phone = `+9197654${String(ids).padStart(5, '0')}`
  const user = { userId: `${prefix}user-${ids}`, phone, whatsapp: phone }
  people.add(user)
  return user
}

async function queue(userId: string, priority: 'high' | 'normal' | 'low', key = ''): Promise<string> {
  const { notificationId } = await node.as('edge').queueNotification(
    {
      userId,
      type: 'sms',
      template: 'ride_update',
      data: { update: 'Here.' },
      priority,
      idempotencyKey: key,
    },
    asBackend,
  )
  return notificationId
}

async function recorded(id: string) {
  return await mongo
    .db(mongoDb)
    .collection<{ _id: string; state: string }>('notifications')
    .findOne({ _id: id })
}

beforeAll(async () => {
  nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  await ensureEventLog(nats)
  mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  people = await startPeople()
  natsProxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  const mongoUrl = new URL(testUrl('TEST_MONGO_URL'))
  mongoProxy = await startFaultyProxy({ target: mongoUrl.host })
  mongoUrl.host = mongoProxy.address
  options = {
    namespace: prefix,
    mongoDb,
    keys: newKeyLine(),
    directoryAddress: people.rpc.address,
    providers: fakes.all,
    natsUrl: natsProxy.url('nats'),
    mongoUrl: mongoUrl.href,
    limits: PLAN_LIMITS,
  }
  node = await startNode(options)
  await until(async () => {
    const { userId } = newUser()
    return await node.untilState(await queue(userId, 'high'), NotificationState.SENT)
  })
})

afterEach(async () => {
  natsProxy.heal()
  mongoProxy.heal()
  for (const fake of fakes.all) fake.behaviour = accepts
  // Both are back when a message went through the queue and its record can be read.
  await until(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${node.notify.opsPort}/metrics`)).text()
    const isStored = /^hushryd_notify_kept\{[^}]*\} 0$/m.test(metrics)
    return isStored && /^hushryd_nats_connected\{[^}]*\} 1$/m.test(metrics)
  })
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await people[Symbol.asyncDispose]()
  await natsProxy[Symbol.asyncDispose]()
  await mongoProxy[Symbol.asyncDispose]()
  await mongo.db(mongoDb).dropDatabase()
  const manager = await jetstreamManager(nats)
  for (const stream of ['NOTIFY', 'NOTIFY_OUTCOME', 'NOTIFY_DEAD'])
    await manager.streams.delete(prefix + stream)
  await nats.close()
  await mongo.close()
})

describe('while NATS is away', () => {
  it('every priority is taken by MongoDB and sent', async () => {
    natsProxy.cut()
    for (const priority of ['high', 'normal', 'low'] as const) {
      const { userId, phone } = newUser()
      const id = await queue(userId, priority)
      await node.untilState(id, NotificationState.SENT)
      expect(fakes.twilio.to(phone)).toHaveLength(1)
    }
    natsProxy.heal()
    const { userId, phone } = newUser()
    await node.untilState(await queue(userId, 'high'), NotificationState.SENT)
    expect(fakes.twilio.to(phone)).toHaveLength(1)
  })
})

describe('while MongoDB is away', () => {
  it('sending goes on, once for each message, and the records come after', async () => {
    mongoProxy.cut()
    const users = Array.from({ length: 20 }, newUser)
    const queued = await Promise.all(
      users.map(({ userId }, index) => queue(userId, 'high', `${prefix}-${index}`)),
    )
    for (const { phone } of users) await until(() => fakes.twilio.to(phone).length > 0, { timeoutMs: 10_000 })
    expect(await recorded(queued[0] ?? '')).toBeNull()
    mongoProxy.heal()
    for (const id of queued)
      await until(async () => (await recorded(id))?.state === 'sent', {
        timeoutMs: 15_000,
        what: 'the record',
      })
    for (const { phone } of users) expect(fakes.twilio.to(phone)).toHaveLength(1)
    // Nothing is left in the queue.
    const manager = await jetstreamManager(nats)
    await until(async () => (await manager.streams.info(`${prefix}NOTIFY`)).state.messages === 0)
  })

  it('a receipt waits in JetStream and is put on record after', async () => {
    const { userId, phone } = newUser()
    const id = await queue(userId, 'high')
    await node.untilState(id, NotificationState.SENT)
    mongoProxy.cut()
    await node.report('twilio', fakes.twilio.to(phone)[0]?.providerId, 'delivered')
    mongoProxy.heal()
    await node.untilState(id, NotificationState.DELIVERED)
  })

  it('a receipt stops what is kept in memory', async () => {
    mongoProxy.cut()
    const { userId, phone } = newUser()
    const id = await queue(userId, 'high')
    const providerId = await until(() => fakes.twilio.to(phone)[0]?.providerId, { timeoutMs: 10_000 })
    // The hand-over is on record in memory a moment after the provider has answered.
    await until(async () => {
      await node.report('twilio', providerId, 'delivered')
      return (await node.get(id)).state === NotificationState.DELIVERED
    })
    mongoProxy.heal()
    await until(async () => (await recorded(id))?.state === 'delivered', { timeoutMs: 15_000 })
  })
})

describe('where NATS has lost', () => {
  const GONE_MS = 60_000

  async function untilLaneListens(): Promise<void> {
    const manager = await jetstreamManager(nats)
    const what = 'the lane that asks for messages'
    await until(async () => (await manager.consumers.info(`${prefix}NOTIFY`, 'high-sms')).num_waiting > 0, {
      timeoutMs: GONE_MS,
      what,
    })
  }

  async function expectSent(): Promise<void> {
    const { userId, phone } = newUser()
    await node.untilState(await queue(userId, 'high'), NotificationState.SENT)
    expect(fakes.twilio.to(phone)).toHaveLength(1)
  }

  it(
    'the consumer of a lane, the lane makes it again',
    async () => {
      await (await jetstreamManager(nats)).consumers.delete(`${prefix}NOTIFY`, 'high-sms')
      await untilLaneListens()
      await expectSent()
    },
    2 * GONE_MS,
  )

  it(
    'the streams, messages go all the same, and the streams are made again',
    async () => {
      const manager = await jetstreamManager(nats)
      for (const stream of ['NOTIFY', 'NOTIFY_OUTCOME', 'NOTIFY_DEAD'])
        await manager.streams.delete(prefix + stream)
      await expectSent()
      await untilLaneListens()
      await expectSent()
      for (const stream of ['NOTIFY_OUTCOME', 'NOTIFY_DEAD'])
        await until(() => manager.streams.info(prefix + stream), { timeoutMs: GONE_MS, what: stream })
    },
    2 * GONE_MS,
  )
})

describe('while both are away', () => {
  it('the caller is told to try again, and the same key is then one message', async () => {
    natsProxy.cut()
    mongoProxy.cut()
    const { userId, phone } = newUser()
    const key = `${prefix}-both`
    const refused = await queue(userId, 'high', key).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(DomainError)
    expect(refused).toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
    natsProxy.heal()
    mongoProxy.heal()
    const id = await until(() => queue(userId, 'high', key), { timeoutMs: 10_000 })
    await node.untilState(id, NotificationState.SENT)
    expect(fakes.twilio.to(phone)).toHaveLength(1)
  })
})

describe('a flood of low priority', () => {
  it('of 5,000 messages to a slow provider does not delay one of high priority', async () => {
    const { userId } = newUser()
    fakes.twilio.behaviour = takes(20)
    const order = (index: number) => ({
      recipient: { $case: 'userId' as const, value: userId },
      channels: ['sms'],
      template: 'ride_update',
      data: { update: 'Flood.' },
      priority: 'low',
      idempotencyKey: `${prefix}-flood-${index}`,
    })
    const before = fakes.twilio.messages.length
    for (let batch = 0; batch < 10; batch += 1) {
      const notifications = Array.from({ length: 500 }, (_, index) => order(batch * 500 + index))
      await node.as('sos').queueNotifications({ notifications })
    }
    const high = newUser()
    const queuedMs = Date.now()
    await queue(high.userId, 'high')
    const sent = await until(() => fakes.twilio.to(high.phone)[0])
    const floodSent = fakes.twilio.messages.length - before
    // Eight workers at 20 ms each need 12 s for them all.
    expect(floodSent).toBeLessThan(2_500)
    // Generous: it takes a few milliseconds on an idle machine.
    expect(sent.atMs - queuedMs).toBeLessThan(2_000)
  })
})

describe('a process that dies in the middle of a hand-over', () => {
  it('leaves it to another one, which repeats it under the same attempt id', async () => {
    // The crash, as the store sees it: the attempt is on record as started, and its lease has run out.
    const { userId, phone } = newUser()
    fakes.twilio.behaviour = hangs
    const id = await queue(userId, 'high')
    await until(async () => (await node.get(id)).attempts.length === 1)
    const collection = mongo.db(mongoDb).collection<{ _id: string }>('notifications')
    fakes.twilio.behaviour = accepts
    await using second = await startNode({ ...options, providers: createFakes().all })
    await collection.updateOne({ _id: id }, { $set: { dueAt: new Date() } })
    const { attempts } = await second.untilState(id, NotificationState.SENT)
    expect(attempts.map(({ number }) => number)).toEqual([1])
    expect(new Set(fakes.twilio.to(phone).map(({ attemptId }) => attemptId))).toEqual(new Set([`${id}-1`]))
  })
})
