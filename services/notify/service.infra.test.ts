import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import { AttemptStatus, NotificationState } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { DeadLetter, NotificationOutcome, OutcomeStatus } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { PLAN_LIMITS, type PlanLimits } from './plan.ts'
import { accepts, createFakes, isDown, refuses } from './testing/fake-provider.ts'
import {
  asAdmin,
  asBackend,
  type NotifyNode,
  newKeyLine,
  onBehalfOf,
  startNode,
  testUrl,
} from './testing/notify-node.ts'
import { type People, startPeople } from './testing/people.ts'

/** Rounds and receipts within what a test can wait for. */
const limits: PlanLimits = {
  ...PLAN_LIMITS,
  high: {
    ...PLAN_LIMITS.high,
    receiptMs: { sms: 400, whatsapp: 400, push: 400, email: 400 },
    roundsMax: 3,
    pauseMs: 100,
  },
  other: {
    ...PLAN_LIMITS.other,
    receiptMs: { sms: 400, whatsapp: 400, push: 400, email: 400 },
    roundsMax: 2,
    pauseMs: 100,
  },
  resendAfterMs: 300,
}

const prefix = uniquePrefix()
const mongoDb = `${prefix}notify`
const logLines: string[] = []
const fakes = createFakes()
let people: People
let node: NotifyNode
let nats: NatsConnection
let mongo: MongoClient
let folder: string
let ids = 0

function newId(kind: string): string {
  ids += 1
  return `${prefix}${kind}-${ids}`
}

/** A number of its own for each, so that tests do not see each other's messages. */
function newPhone(): string {
  ids += 1
  return `+9198765${String(ids).padStart(5, '0')}`
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

function newUser(change: Partial<Parameters<People['add']>[0]> = {}) {
  const phone = newPhone()
  const user = { userId: newId('user'), name: 'Asha Rao', phone, whatsapp: phone, ...change }
  people.add(user)
  return user
}

async function queue(request: {
  userId: string
  priority?: 'high' | 'normal' | 'low'
  type?: 'sms' | 'email' | 'whatsapp' | 'push'
  idempotencyKey?: string
}): Promise<string> {
  const { notificationId } = await node
    .as('edge')
    .queueNotification(
      { type: 'sms', priority: 'normal', template: 'ride_update', data: { update: 'Here.' }, ...request },
      asBackend,
    )
  return notificationId
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notify-test-'))
  await writeFile(
    join(folder, 'on-call.json'),
    JSON.stringify([{ name: 'Duty', phone: '+919800000001', email: 'duty@example.in', locale: 'en' }]),
  )
  nats = await connect({ servers: testUrl('TEST_NATS_URL') })
  await ensureEventLog(nats)
  people = await startPeople()
  node = await startNode({
    namespace: prefix,
    mongoDb,
    keys: newKeyLine(),
    directoryAddress: people.rpc.address,
    providers: fakes.all,
    limits,
    logSink: { write: (line) => void logLines.push(line) },
    env: { NOTIFY_ON_CALL_FILE: join(folder, 'on-call.json'), NOTIFY_BREAKER_OPEN_MS: '200' },
  })
  mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  await until(async () => (await fetch(`http://127.0.0.1:${node.notify.opsPort}/readyz`)).ok)
})

afterEach(() => {
  for (const fake of fakes.all) fake.behaviour = accepts
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await people[Symbol.asyncDispose]()
  await mongo.db(mongoDb).dropDatabase()
  const manager = await jetstreamManager(nats)
  for (const stream of ['NOTIFY', 'NOTIFY_OUTCOME', 'NOTIFY_DEAD'])
    await manager.streams.delete(prefix + stream)
  await nats.close()
  await mongo.close()
  await rm(folder, { recursive: true })
})

describe('a queued notification', () => {
  it('is sent in the person’s language, and each attempt is on record with a masked number', async () => {
    const { userId, phone } = newUser({ locale: 'hi-IN' })
    const id = await queue({ userId })
    const sent = await node.untilState(id, NotificationState.SENT)
    const [message] = fakes.twilio.to(phone)
    expect(message?.text).toBe('HushRyd यात्रा की सूचना: Here.')
    expect(message?.dlt?.variables.slice(0, 1)).toEqual(['Here.'])
    expect(sent.attempts).toMatchObject([
      {
        number: 1,
        channel: 'sms',
        provider: 'twilio',
        providerId: message?.providerId,
        status: AttemptStatus.ACCEPTED,
        maskedRecipient: `+91******${phone.slice(-4)}`,
      },
    ])
  })

  it('is delivered when the receipt says so, and stays so whatever comes later', async () => {
    const { userId, phone } = newUser()
    const id = await queue({ userId })
    await node.untilState(id, NotificationState.SENT)
    const providerId = fakes.twilio.to(phone)[0]?.providerId
    await node.report('twilio', providerId, 'delivered')
    await node.report('twilio', providerId, 'delivered')
    await node.report('twilio', providerId, 'failed')
    const { state, attempts, dueAt } = await node.get(id)
    expect([state, dueAt, attempts.map(({ status }) => status)]).toEqual([
      NotificationState.DELIVERED,
      0,
      [AttemptStatus.RECEIVED],
    ])
  })

  it('is delivered by a receipt that is faster than the record of the hand-over', async () => {
    fakes.twilio.behaviour = async (message, signal) => {
      const result = await accepts(message, signal)
      if (result.kind === 'accepted') await node.report('twilio', result.providerId, 'delivered')
      return result
    }
    const { userId, phone } = newUser()
    const id = await queue({ userId })
    const { attempts } = await node.untilState(id, NotificationState.DELIVERED)
    expect(attempts).toHaveLength(1)
    expect(fakes.msg91.to(phone)).toEqual([])
  })

  it('is the same for the same idempotency key, and goes out once', async () => {
    const { userId, phone } = newUser()
    const idempotencyKey = newId('key')
    const given = await Promise.all(Array.from({ length: 5 }, () => queue({ userId, idempotencyKey })))
    expect(new Set(given).size).toBe(1)
    await node.untilState(given[0] ?? '', NotificationState.SENT)
    expect(await queue({ userId, idempotencyKey })).toBe(given[0])
    const after = newUser()
    await node.untilState(await queue({ userId: after.userId }), NotificationState.SENT)
    expect(fakes.twilio.to(phone)).toHaveLength(1)
  })

  it('is refused where a variable is missing or the template is unknown', async () => {
    const { userId } = newUser()
    const client = node.as('edge')
    const base = { userId, type: 'sms', priority: 'normal', idempotencyKey: '' }
    const missing = await problemOf(client.queueNotification({ ...base, template: 'ride_update' }, asBackend))
    expect(missing.reason).toBe(ErrorReason.ERROR_REASON_INVALID_REQUEST)
    expect(missing.violations.map(({ field }) => field)).toEqual(['data.update'])
    const unknown = await problemOf(client.queueNotification({ ...base, template: 'nothing' }, asBackend))
    expect(unknown.violations.map(({ field }) => field)).toEqual(['template'])
    const noChannel = await problemOf(
      client.queueNotification(
        { ...base, type: 'push', template: 'sos_alert', data: { time: 1 } },
        asBackend,
      ),
    )
    expect(noChannel.violations.map(({ field }) => field)).toEqual(['template'])
  })

  it('goes to the second provider where the first refuses or is down', async () => {
    for (const behaviour of [refuses('30001'), isDown]) {
      fakes.twilio.behaviour = behaviour
      const { userId, phone } = newUser()
      const id = await queue({ userId })
      const { attempts } = await node.untilState(id, NotificationState.SENT)
      expect(attempts.map(({ provider, status }) => [provider, status])).toEqual([
        ['twilio', AttemptStatus.NOT_SENT],
        ['msg91', AttemptStatus.ACCEPTED],
      ])
      expect(fakes.msg91.to(phone)).toHaveLength(1)
    }
  })

  it('goes to all devices of a person, and never again to one that is gone', async () => {
    const { userId } = newUser({ pushTokens: [newId('here'), newId('gone')] })
    const [here = '', gone = ''] = people.users.get(userId)?.pushTokens ?? []
    fakes.fcm.behaviour = (message, signal) =>
      message.to === gone
        ? refuses('UNREGISTERED', { isPermanent: true, suppress: true })(message, signal)
        : accepts(message, signal)
    await node.untilState(await queue({ userId, type: 'push' }), NotificationState.SENT)
    await node.untilState(await queue({ userId, type: 'push' }), NotificationState.SENT)
    expect([fakes.fcm.to(here).length, fakes.fcm.to(gone).length]).toEqual([2, 1])
  })
})

describe('high priority', () => {
  it('moves on by provider and channel where no receipt comes, until one does', async () => {
    const { userId, phone } = newUser({ email: `${newId('mail')}@example.in` })
    const id = await queue({ userId, priority: 'high' })
    const whatsapp = await until(() => fakes.whatsapp.to(phone)[0]?.providerId, { what: 'WhatsApp' })
    await node.report('whatsapp', whatsapp, 'delivered')
    const { attempts } = await node.untilState(id, NotificationState.DELIVERED)
    expect(attempts.map(({ provider, status }) => [provider, status])).toEqual([
      ['twilio', AttemptStatus.NO_RECEIPT],
      ['msg91', AttemptStatus.NO_RECEIPT],
      ['whatsapp', AttemptStatus.RECEIVED],
    ])
    expect(fakes.sendgrid.messages.filter(({ notificationId }) => notificationId === id)).toEqual([])
  })

  it('is given up at last: a dead letter, an event for operations, a list, a replay', async () => {
    const admin: Event[] = []
    nats.subscribe('admin.event.notification.failed', {
      callback: (_error, message) => void admin.push(Event.decode(message.data)),
    })
    const dead: DeadLetter[] = []
    nats.subscribe(`${prefix}notify.dead.sms`, {
      callback: (_error, message) => void dead.push(DeadLetter.decode(message.data)),
    })
    await nats.flush()
    for (const fake of fakes.all) fake.behaviour = refuses('500')
    const { userId, phone } = newUser()
    const id = await queue({ userId, priority: 'high' })
    const failed = await node.untilState(id, NotificationState.FAILED)
    expect(failed.failure).toBe('500')
    await until(() => admin.some(({ userId: about }) => about === userId))
    expect(dead.filter(({ notificationId }) => notificationId === id)).toHaveLength(1)
    const { notifications } = await node.as('edge').listDeadLetters({ pageSize: 200 }, asAdmin)
    expect(notifications.map(({ notificationId }) => notificationId)).toContain(id)

    for (const fake of fakes.all) fake.behaviour = accepts
    await node.as('edge').replayDeadLetter({ notificationId: id }, asAdmin)
    await until(() => fakes.twilio.to(phone).some(({ providerId }) => providerId !== undefined))
  })
})

describe('what bounces', () => {
  it('gets nothing more at normal priority, and is the last resort at high', async () => {
    const { userId, phone } = newUser()
    fakes.twilio.behaviour = refuses('21211', { isPermanent: true, suppress: true })
    await node.untilState(await queue({ userId }), NotificationState.FAILED)
    expect(fakes.msg91.to(phone)).toEqual([])
    fakes.twilio.behaviour = accepts
    const normal = await node.untilState(await queue({ userId }), NotificationState.FAILED)
    expect([normal.failure, normal.attempts]).toEqual(['NO_ADDRESS', []])
    const high = await queue({ userId, priority: 'high' })
    await until(async () => (await node.get(high)).attempts.length >= 2)
    expect((await node.get(high)).attempts.map(({ channel }) => channel).slice(0, 2)).toEqual([
      'whatsapp',
      'sms',
    ])
  })

  it('is known from a receipt, too', async () => {
    const { userId, phone } = newUser()
    const id = await queue({ userId })
    await node.untilState(id, NotificationState.SENT)
    await node.report('twilio', fakes.twilio.to(phone)[0]?.providerId, 'bounced')
    const next = await node.untilState(await queue({ userId }), NotificationState.FAILED)
    expect(next.failure).toBe('NO_ADDRESS')
  })
})

describe('messages of a service', () => {
  function alert(userId: string, change: object = {}) {
    return {
      recipient: { $case: 'emergencyContacts' as const, value: { userId } },
      channels: ['sms', 'whatsapp'],
      template: 'sos_alert',
      data: { time: Date.now(), link: 'https://ride.example/s/secret-link' },
      priority: 'high',
      idempotencyKey: newId('alert'),
      reportTo: 'sos',
      correlationId: 'alert-1',
      ...change,
    }
  }

  it('reach each contact over each channel once, and each outcome is reported without a number', async () => {
    const userId = newId('user')
    const [mother, friend] = [newPhone(), newPhone()]
    people.add({ userId, name: 'Asha Rao', locale: 'te' }, [
      { name: 'Latha', phone: mother, email: '', relation: 'mother' },
      { name: 'Ravi', phone: friend, email: '', relation: 'friend' },
    ])
    const outcomes: NotificationOutcome[] = []
    const raw: string[] = []
    nats.subscribe(`${prefix}notify.>`, {
      callback: (_error, message) => void raw.push(Buffer.from(message.data).toString('latin1')),
    })
    nats.subscribe(`${prefix}notify.outcome.sos`, {
      callback: (_error, message) => void outcomes.push(NotificationOutcome.decode(message.data)),
    })
    await nats.flush()
    const request = { notifications: [alert(userId)] }
    const { notificationIds } = await node.as('sos').queueNotifications(request)
    await node.as('sos').queueNotifications(request)
    await until(() => outcomes.length === 4, { what: 'four outcomes' })
    expect(
      outcomes
        .map(({ contact, channel, status, correlationId }) => [contact, channel, status, correlationId])
        .sort(),
    ).toEqual([
      [0, 'sms', OutcomeStatus.OUTCOME_STATUS_SENT, 'alert-1'],
      [0, 'whatsapp', OutcomeStatus.OUTCOME_STATUS_SENT, 'alert-1'],
      [1, 'sms', OutcomeStatus.OUTCOME_STATUS_SENT, 'alert-1'],
      [1, 'whatsapp', OutcomeStatus.OUTCOME_STATUS_SENT, 'alert-1'],
    ])
    for (const phone of [mother, friend]) {
      expect(fakes.twilio.to(phone)).toHaveLength(1)
      expect(fakes.whatsapp.to(phone)).toHaveLength(1)
      expect(fakes.twilio.to(phone)[0]?.text).toContain('Asha Rao గారికి సహాయం కావాలి')
      await node.report('twilio', fakes.twilio.to(phone)[0]?.providerId, 'delivered')
      await node.report('whatsapp', fakes.whatsapp.to(phone)[0]?.providerId, 'read')
    }
    await until(() => outcomes.length === 8, { what: 'eight outcomes' })
    const group = await node.get(notificationIds[0] ?? '')
    expect([group.state, group.childIds.length]).toEqual([NotificationState.EXPANDED, 4])
    const travelled = raw.join('\n')
    for (const secret of [mother, friend, mother.slice(3), 'Asha', 'Latha', 'secret-link'])
      expect(travelled).not.toContain(secret)
  })

  it('say so where there is nobody to tell', async () => {
    const userId = newId('user')
    people.add({ userId })
    const outcomes: NotificationOutcome[] = []
    nats.subscribe(`${prefix}notify.outcome.nobody`, {
      callback: (_error, message) => void outcomes.push(NotificationOutcome.decode(message.data)),
    })
    await nats.flush()
    await node.as('sos').queueNotifications({ notifications: [alert(userId, { reportTo: 'nobody' })] })
    await until(() => outcomes.length > 0)
    expect(outcomes.map(({ status }) => status)).toEqual([OutcomeStatus.OUTCOME_STATUS_NO_RECIPIENT])
  })

  it('reach the people on duty', async () => {
    const { userId } = newUser()
    await node.as('sos').queueNotifications({
      notifications: [
        alert(userId, {
          recipient: { $case: 'onCall', value: { aboutUserId: userId } },
          template: 'sos_escalation',
          channels: ['sms', 'email'],
          data: { time: Date.now(), alertId: 'alert-1' },
        }),
      ],
    })
    await until(
      () => fakes.twilio.to('+919800000001').length > 0 && fakes.sendgrid.to('duty@example.in').length > 0,
    )
    expect(fakes.twilio.to('+919800000001')[0]?.text).toContain('the SOS of Asha Rao')
  })

  it('name the one that is wrong, and none is queued', async () => {
    const { userId } = newUser()
    const problem = await problemOf(
      node.as('sos').queueNotifications({ notifications: [alert(userId), alert(userId, { data: {} })] }),
    )
    expect(problem.violations.map(({ field }) => field)).toEqual(['notifications[1].data.time'])
  })

  it('are sent at once where the service has written them itself', async () => {
    const phone = newPhone()
    fakes.twilio.behaviour = isDown
    const request = { phone, message: 'Your call is being connected.', idempotencyKey: newId('key') }
    const { outcome } = await node.as('maskcall').sendSms(request)
    expect(outcome).toMatchObject({ isAccepted: true, provider: 'msg91' })
    expect((await node.as('maskcall').sendSms(request)).outcome).toEqual(outcome)
    expect(fakes.msg91.to(phone)).toHaveLength(1)
    const { attempts } = await node.get(outcome?.notificationId ?? '')
    expect(attempts.map(({ provider }) => provider)).toEqual(['twilio', 'msg91'])
  })

  it('are given up where the receipt says that they failed: nobody else has their text', async () => {
    const phone = newPhone()
    const request = { phone, message: 'Your call is being connected.', idempotencyKey: newId('key') }
    const { outcome } = await node.as('maskcall').sendSms(request)
    const id = outcome?.notificationId ?? ''
    const { providerId } = (await node.get(id)).attempts.at(-1) ?? {}
    await node.report(outcome?.provider === 'msg91' ? 'msg91' : 'twilio', providerId, 'failed')
    const { failure } = await node.untilState(id, NotificationState.FAILED)
    expect(failure).toBe('FAILED')
    const again = await node.as('maskcall').sendSms(request)
    expect(again.outcome).toMatchObject({ isAccepted: false, code: 'FAILED' })
  })
})

describe('rights', () => {
  it('let only those send who tell people things', async () => {
    const forbidden = ErrorReason.ERROR_REASON_FORBIDDEN
    const sms = { phone: '+919876543210', message: 'x', idempotencyKey: 'k' }
    expect((await problemOf(node.as('location').sendSms(sms))).reason).toBe(forbidden)
    expect((await problemOf(node.as('edge').sendSms(sms, asBackend))).reason).toBe(forbidden)
    const passenger = onBehalfOf({ kind: 'user', userId: 'u', role: 'passenger', deviceId: '' })
    const request = { userId: 'u', type: 'sms', template: 'ride_update', priority: 'low', idempotencyKey: '' }
    expect((await problemOf(node.as('edge').queueNotification(request, passenger))).reason).toBe(forbidden)
    expect(
      (await problemOf(node.as('edge').getNotification({ notificationId: 'n_12345678' }, passenger))).reason,
    ).toBe(forbidden)
    expect(
      (await problemOf(node.as('edge').getNotification({ notificationId: 'n_12345678' }, asBackend))).reason,
    ).toBe(ErrorReason.ERROR_REASON_NOTIFICATION_NOT_FOUND)
  })
})

describe('personal data', () => {
  it('is in no record and no log line', async () => {
    const texts = [...logLines]
    for (const name of ['notifications', 'notification_suppressions', 'notification_receipts'])
      for (const document of await mongo.db(mongoDb).collection(name).find().toArray())
        texts.push(JSON.stringify(document))
    expect(texts.length).toBeGreaterThan(50)
    const all = texts.join('\n')
    for (const secret of ['+9198765', '98765000', 'Asha Rao', 'Latha', '@example.in', 'secret-link', 'gone-'])
      expect(all.replaceAll('***@example.in', ''), secret).not.toContain(secret)
  })
})
