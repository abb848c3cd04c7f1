/**
 * Invariant: with a part away an alert is taken all the same. The answer says
 * which leg waits or went by its backup, the contacts are told meanwhile by
 * whatever is left, and what waited is done once the part is back.
 * Method: each part is taken away in turn, an alert is raised, looked at
 * during the fault and again after healing.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  ALL_DONE,
  messagesOf,
  messageTo,
  putPerson,
  rest,
  setFault,
  signIn,
  triggerByRest,
  withDatabase,
} from '../testing/alerts.ts'
import { readOperationsLog } from '../testing/operations-log.ts'

const PATIENCE = { timeoutMs: 60_000 }
const ON_CALL_PHONE = '+919800000002'

let folder: string
let system: TestSystem
let phones = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushryd-away-'))
  const onCall = join(folder, 'on-call.json')
  await writeFile(onCall, JSON.stringify([{ name: 'Ravi', phone: ON_CALL_PHONE, locale: 'en' }]))
  system = await startSystem({
    programs: ['edge', 'sos', 'notify'],
    env: { NOTIFY_ON_CALL_FILE: onCall, SOS_ESCALATE_AFTER_MS: '3600000' },
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Person {
  readonly userId: string
  readonly token: string
  readonly contactPhone: string
}

async function createPerson(userId: string): Promise<Person> {
  phones += 1
  const contactPhone = `+91960000${String(phones).padStart(4, '0')}`
  await putPerson(system, { userId, contacts: [{ name: 'Amma', phone: contactPhone }] })
  return { userId, token: await signIn(system, userId, 'passenger'), contactPhone }
}

/** Until every leg is done, and the database has the alert once. */
async function expectCompleted({ token }: Person, alertId: string): Promise<void> {
  const { legs } = await until(async () => {
    const { status, body } = await rest(system, { path: `/v1/sos/${alertId}`, token })
    return status === 200 && JSON.stringify(body.legs) === JSON.stringify(ALL_DONE) ? body : undefined
  }, PATIENCE)
  expect(legs).toEqual(ALL_DONE)
  const byId = { _id: alertId as never }
  expect(await withDatabase(system, (alerts) => alerts.countDocuments(byId))).toBe(1)
}

async function raisedEventsOf(alertId: string): Promise<number> {
  const log = await readOperationsLog(system)
  return log.filter((event) => event.type === 'sos.triggered' && event.alertId === alertId).length
}

test('MongoDB is away: the database leg is queued, contacts are told, and the alert is stored when it is back', async () => {
  const person = await createPerson('away-mongo')
  await system.process('mongo').kill('SIGKILL')
  const answer = await triggerByRest(system, person.token, { alertId: 'away-mongo' })
  expect(answer).toMatchObject({ status: 'ACTIVE', legs: { ...ALL_DONE, database: 'QUEUED' } })
  await messageTo(system, person.contactPhone, 'sms')
  await system.process('mongo').restart()
  await expectCompleted(person, 'away-mongo')
  expect(await messagesOf(system, { to: person.contactPhone, channel: 'sms' })).toHaveLength(1)
})

test('NATS is away: the stream and the log wait, the people on duty are told, and both have the alert when it is back', async () => {
  const person = await createPerson('away-nats')
  await system.process('nats').kill('SIGKILL')
  const answer = await triggerByRest(system, person.token, { alertId: 'away-nats' })
  expect(answer).toMatchObject({
    status: 'ACTIVE',
    legs: { stream: 'QUEUED', database: 'DONE', admin: 'QUEUED' },
  })
  await messageTo(system, person.contactPhone, 'sms')
  const onDuty = await messageTo(system, ON_CALL_PHONE, 'sms')
  expect(onDuty.body).toContain('away-nats')
  await system.process('nats').restart()
  await expectCompleted(person, 'away-nats')
  expect(await raisedEventsOf('away-nats')).toBe(1)
  expect(await messagesOf(system, { to: person.contactPhone, channel: 'sms' })).toHaveLength(1)
})

test('Twilio is down: MSG91 carries the SMS', async () => {
  const person = await createPerson('away-twilio')
  await setFault(system, { provider: 'twilio', mode: 'down' })
  try {
    const answer = await triggerByRest(system, person.token, { alertId: 'away-twilio' })
    expect(answer).toMatchObject({ status: 'ACTIVE', legs: ALL_DONE })
    expect(await messageTo(system, person.contactPhone, 'sms')).toMatchObject({ provider: 'msg91' })
  } finally {
    await setFault(system, { provider: 'twilio', mode: 'ok' })
  }
})

test('all SMS providers are down: WhatsApp tells the contact', async () => {
  const person = await createPerson('away-sms')
  for (const provider of ['twilio', 'msg91']) await setFault(system, { provider, mode: 'down' })
  try {
    const answer = await triggerByRest(system, person.token, { alertId: 'away-sms' })
    expect(answer).toMatchObject({ status: 'ACTIVE', legs: ALL_DONE })
    await messageTo(system, person.contactPhone, 'whatsapp')
    expect(await messagesOf(system, { to: person.contactPhone, channel: 'sms' })).toEqual([])
  } finally {
    for (const provider of ['twilio', 'msg91']) await setFault(system, { provider, mode: 'ok' })
  }
})

test('every provider is down: the hand-over is safe, and contacts are told when they are back', async () => {
  const person = await createPerson('away-all')
  const providers = ['twilio', 'msg91', 'whatsapp']
  for (const provider of providers) await setFault(system, { provider, mode: 'down' })
  const answer = await triggerByRest(system, person.token, { alertId: 'away-all' })
  expect(answer).toMatchObject({ status: 'ACTIVE', legs: ALL_DONE })
  // Every provider has been tried and has refused.
  const wasTried = { userId: person.userId, round: { $gte: 1 }, state: 'queued' }
  await until(
    async () => (await withDatabase(system, (found) => found.countDocuments(wasTried), 'notifications')) >= 2,
    PATIENCE,
  )
  expect(await messagesOf(system, { to: person.contactPhone })).toEqual([])
  for (const provider of providers) await setFault(system, { provider, mode: 'ok' })
  await until(async () => (await messagesOf(system, { to: person.contactPhone }))[0], PATIENCE)
})

test('notify is away: the hand-over waits in its queue, and contacts are told when it is back', async () => {
  const person = await createPerson('away-notify')
  await system.process('notify').kill('SIGKILL')
  const answer = await triggerByRest(system, person.token, { alertId: 'away-notify' })
  expect(answer).toMatchObject({ status: 'ACTIVE', legs: ALL_DONE })
  await system.process('notify').restart()
  await messageTo(system, person.contactPhone, 'sms')
  await messageTo(system, person.contactPhone, 'whatsapp')
})

test('sos is away: the trigger is refused as unavailable at once, and taken under its id when it is back', async () => {
  const person = await createPerson('away-sos')
  const { token } = person
  await system.process('sos').kill('SIGKILL')
  const body = { alertId: 'away-sos' }
  const refused = await rest(system, { method: 'POST', path: '/v1/sos', token, body })
  expect(refused.body).toMatchObject({ code: 'UNAVAILABLE' })
  await system.process('sos').restart()
  await until(
    async () => (await rest(system, { method: 'POST', path: '/v1/sos', token, body })).status === 200,
    {
      timeoutMs: 15_000,
    },
  )
  await expectCompleted(person, 'away-sos')
})
