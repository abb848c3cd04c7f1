/** What operations see and do: how messages fare over all processes, and what was given up. */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import {
  BreakerState,
  type GetDeliveryResponse,
  NotificationState,
} from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PLAN_LIMITS } from './plan.ts'
import { accepts, createFakes, isDown, refuses } from './testing/fake-provider.ts'
import {
  asAdmin,
  asBackend,
  type NodeOptions,
  type NotifyNode,
  newKeyLine,
  onBehalfOf,
  startNode,
  testUrl,
} from './testing/notify-node.ts'
import { type People, startPeople } from './testing/people.ts'

const PATIENCE = { timeoutMs: 60_000 }
const PHONE = '+919876500001'
const OTHER_PHONE = '+919876500002'
const prefix = uniquePrefix()
const mongoDb = `${prefix}notify`
/** Each process has providers of its own, so that the test knows what each has seen. */
const [first, second] = [createFakes(), createFakes()]
let people: People
let nats: NatsConnection
let options: Omit<NodeOptions, 'providers'>
let node: NotifyNode
let other: NotifyNode
let isOtherStopped = false
let ids = 0

beforeAll(async () => {
  nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  await ensureEventLog(nats)
  people = await startPeople()
  options = {
    namespace: prefix,
    mongoDb,
    keys: newKeyLine(),
    directoryAddress: people.rpc.address,
    // One round, and no test waits for a receipt.
    limits: { ...PLAN_LIMITS, other: { ...PLAN_LIMITS.other, roundsMax: 1 } },
    // One failure cuts a provider off, for longer than the test takes.
    env: { NOTIFY_BREAKER_FAILURES: '1', NOTIFY_BREAKER_OPEN_MS: '600000' },
  }
  node = await startNode({ ...options, providers: first.all })
  other = await startNode({ ...options, providers: second.all })
  for (const each of [node, other])
    await until(async () => (await fetch(`http://127.0.0.1:${each.notify.opsPort}/readyz`)).ok, PATIENCE)
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  if (!isOtherStopped) await other[Symbol.asyncDispose]()
  await people[Symbol.asyncDispose]()
  const mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  await mongo.db(mongoDb).dropDatabase()
  await mongo.close()
  const manager = await jetstreamManager(nats)
  for (const stream of ['NOTIFY', 'NOTIFY_OUTCOME', 'NOTIFY_DEAD'])
    await manager.streams.delete(prefix + stream)
  await nats.close()
})

function newId(kind: string): string {
  ids += 1
  return `${prefix}${kind}-${ids}`
}

function providerOf({ providers }: GetDeliveryResponse, name: string) {
  const found = providers.find(({ provider }) => provider === name)
  if (found === undefined) throw new Error(`no ${name} in the answer`)
  return found
}

async function delivery(): Promise<GetDeliveryResponse> {
  return await node.as('edge').getDelivery({ minutes: 60 }, asAdmin)
}

/** Given up at once: every SMS provider of every process refuses it. */
async function giveUp(phone: string): Promise<string> {
  for (const fake of [...first.all, ...second.all]) fake.behaviour = refuses('500')
  const userId = newId('user')
  people.add({ userId, name: 'Asha Rao', phone })
  const request = { userId, type: 'sms', template: 'ride_update', data: { update: 'Here.' }, priority: '' }
  const { notificationId } = await node
    .as('edge')
    .queueNotification({ ...request, idempotencyKey: newId('key') }, asBackend)
  await node.untilState(notificationId, NotificationState.FAILED, PATIENCE.timeoutMs)
  return notificationId
}

it('sums up all processes: what providers took and what arrived, how long it took, and who has cut whom off', async () => {
  second.twilio.behaviour = isDown
  const sms = { phone: PHONE, message: 'Your call is being connected.', idempotencyKey: newId('key') }
  expect((await other.as('maskcall').sendSms(sms)).outcome).toMatchObject({ provider: 'msg91' })
  const here = { ...sms, phone: OTHER_PHONE, idempotencyKey: newId('key') }
  expect((await node.as('maskcall').sendSms(here)).outcome).toMatchObject({ provider: 'twilio' })
  await node.report('msg91', second.msg91.to(PHONE)[0]?.providerId, 'delivered')

  const found = await until(async () => {
    const answer = await delivery()
    return answer.processes.length === 2 && answer
  }, PATIENCE)
  expect(found.providers.map(({ channel, provider }) => `${channel} ${provider}`)).toEqual([
    'sms twilio',
    'sms msg91',
    'whatsapp whatsapp',
    'push fcm',
    'email sendgrid',
    'email ses',
  ])
  const twilio = providerOf(found, 'twilio')
  expect(twilio).toMatchObject({ accepted: 1, unavailable: 1, breaker: BreakerState.OPEN })
  expect(twilio.breakers.map(({ state }) => state).toSorted()).toEqual([
    BreakerState.CLOSED,
    BreakerState.OPEN,
  ])
  expect(twilio.handoverP95Ms).toBeGreaterThan(0)
  expect(providerOf(found, 'msg91')).toMatchObject({
    accepted: 1,
    delivered: 1,
    breaker: BreakerState.CLOSED,
  })
  expect(providerOf(found, 'msg91').receiptP50Ms).toBeGreaterThan(0)
  expect(found.isDatabaseAway).toBe(false)
  expect(JSON.stringify(found)).not.toContain(PHONE.slice(3))
})

it('counts who is suppressed and what was given up', async () => {
  const before = await delivery()
  const id = await giveUp('+919876500003')
  for (const fakes of [first, second])
    fakes.msg91.behaviour = refuses('bad', { isPermanent: true, suppress: true })
  const sms = { phone: '+919876500004', message: 'x', idempotencyKey: newId('key') }
  await node.as('maskcall').sendSms(sms)
  const { suppressed, deadLetters } = await delivery()
  expect(suppressed.map(({ channel }) => channel)).toEqual(['sms', 'whatsapp', 'push', 'email'])
  expect(suppressed[0]?.recipients).toBe((before.suppressed[0]?.recipients ?? 0) + 1)
  expect(deadLetters).toBe(before.deadLetters + 2)

  const { notifications } = await node.as('edge').listDeadLetters({ pageSize: 200 }, asAdmin)
  const canReplay = new Map(notifications.map((each) => [each.notificationId, each.canReplay]))
  // The text of the one that was sent directly is stored nowhere.
  expect([canReplay.get(id), [...canReplay.values()].toSorted()]).toEqual([true, [false, true]])
  expect(JSON.stringify(notifications)).not.toContain('98765000')
})

it('tries what was given up once more, once however often it is asked for, and says who wanted it', async () => {
  const phone = '+919876500005'
  const id = await giveUp(phone)
  const events: Event[] = []
  nats.subscribe('admin.event.notification.replayed', {
    callback: (_error, { data }) => void events.push(Event.decode(data)),
  })
  await nats.flush()
  for (const fake of [...first.all, ...second.all]) fake.behaviour = accepts
  const replay = () => node.as('edge').replayDeadLetter({ notificationId: id }, asAdmin)
  await Promise.all([replay(), replay(), other.as('edge').replayDeadLetter({ notificationId: id }, asAdmin)])
  await replay()
  const sent = () => [...first.all, ...second.all].flatMap((fake) => fake.to(phone))
  await until(() => sent().some(({ providerId }) => providerId !== undefined), PATIENCE)
  await node.untilState(id, NotificationState.SENT, PATIENCE.timeoutMs)
  expect(sent().filter(({ providerId }) => providerId !== undefined)).toHaveLength(1)
  const own = events.filter(({ data }) => data?.['notificationId'] === id)
  // Whoever presses at the same moment publishes the same event, which the log takes once.
  expect(new Set(own.map(({ eventId }) => eventId)).size).toBe(1)
  expect(own[0]).toMatchObject({ data: { by: 'admin-1', channel: 'sms' } })
})

it('is for admins only', async () => {
  const callers: Caller[] = [
    { kind: 'user', userId: 'u', role: 'passenger', deviceId: '' },
    { kind: 'user', userId: 'u', role: 'driver', deviceId: '' },
    { kind: 'viewer', scope: 'trip:t' },
    { kind: 'backend' },
  ]
  const client = node.as('edge')
  for (const caller of callers) {
    const as = onBehalfOf(caller)
    for (const call of [
      client.getDelivery({ minutes: 0 }, as),
      client.listDeadLetters({}, as),
      client.replayDeadLetter({ notificationId: 'n_12345678' }, as),
    ]) {
      const error: unknown = await call.catch((thrown: unknown) => thrown)
      expect(error instanceof DomainError && error.reason).toBe(ErrorReason.ERROR_REASON_FORBIDDEN)
    }
  }
})

it('says so where a process does not answer any more, with its breakers as last heard', async () => {
  await until(async () => (await delivery()).processes.length === 2, PATIENCE)
  isOtherStopped = true
  await other[Symbol.asyncDispose]()
  const found = await delivery()
  expect(found.processes.map(({ isSilent }) => isSilent)).toEqual([false, true])
  const twilio = providerOf(found, 'twilio')
  expect([twilio.breakers.length, twilio.breaker, twilio.unavailable]).toEqual([2, BreakerState.OPEN, 0])
})

it('answers by what it has seen itself while NATS is away', async () => {
  await using alone = await startNode({
    ...options,
    providers: createFakes().all,
    natsUrl: 'nats://127.0.0.1:1',
  })
  const { processes, providers, isDatabaseAway } = await alone.as('edge').getDelivery({ minutes: 0 }, asAdmin)
  expect([processes.length, providers.length, isDatabaseAway]).toEqual([1, 6, false])
})
