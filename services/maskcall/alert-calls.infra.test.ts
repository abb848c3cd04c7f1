/** Emergency contacts who want to be called are, once, by whichever provider works, in their language. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { alertCallsSpec } from './alert-call-store.ts'
import { asUser, type MaskcallClient, onBehalfOf, startWorld, type World } from './testing/maskcall-world.ts'

/** Of the sandbox's `GET /api/calls`. */
interface ShownCall {
  readonly from: string
  readonly legs: readonly { readonly from: string; readonly to: string }[]
  readonly heard: string
}

const PATIENCE = { timeoutMs: 30_000 }
const prefix = uniquePrefix()
let world: World
/** Two processes, and sos calls either. */
let clients: readonly [MaskcallClient, MaskcallClient]
let ids = 0

beforeAll(async () => {
  world = await startWorld({
    prefix,
    nodes: 2,
    env: {
      MASKCALL_BREAKER_FAILURES: '1000',
      // On a busy machine a sandbox that is slow is not taken for one that is away.
      MASKCALL_PROVIDER_TIMEOUT_MS: '20000',
    },
  })
  const [one, other] = world.sosClients
  if (one === undefined || other === undefined) throw new Error('a world without two nodes')
  clients = [one, other]
})

afterEach(async () => {
  for (const provider of ['twilio', 'exotel']) await world.api('PUT', '/api/faults', { provider, mode: 'ok' })
})

afterAll(() => world[Symbol.asyncDispose]())

function newPerson(kind = 'rider', calls = [true, false, true]) {
  ids += 1
  const userId = `${prefix}-${kind}-${ids}`
  world.town.phones.set(userId, `+9170230${String(ids).padStart(5, '0')}`)
  const phones = calls.map((_, index) => `+91981${index}${String(ids).padStart(6, '0')}`)
  world.town.contacts.set(
    userId,
    phones.map((phone, index) => ({
      name: `Contact ${index}`,
      phone,
      email: '',
      relation: 'friend',
      voiceCall: calls[index] === true,
    })),
  )
  return { userId, phones, alert: { alertId: `${prefix}-alert-${ids}`, userId } }
}

async function callsTo(phone: string | undefined): Promise<readonly ShownCall[]> {
  return (await world.api('GET', `/api/calls?number=${encodeURIComponent(phone ?? '')}`)) as ShownCall[]
}

async function announce(alert: { alertId: string; userId: string }, client = clients[0]) {
  const { alerts } = await client.announceAlerts({ alerts: [alert] }, { timeoutMs: 20_000 })
  return alerts[0]
}

test('those who want it are called once, however often and from however many sides it is asked for', async () => {
  const { alert, phones } = newPerson()
  await Promise.all([announce(alert), announce(alert, clients[1]), announce(alert)])
  const done = await until(async () => {
    const answer = await announce(alert, clients[1])
    return answer?.isDone === true && answer
  }, PATIENCE)
  expect(done.calls.map(({ contact, isPlaced }) => [contact, isPlaced])).toEqual([
    [0, true],
    [2, true],
  ])
  expect(await Promise.all(phones.map(async (phone) => (await callsTo(phone)).length))).toEqual([1, 0, 1])
  const [call] = await callsTo(phones[0])
  // A number of the pool, and never the person's own.
  expect(call?.legs).toMatchObject([{ from: call?.from, to: phones[0] }])
  expect(world.town.phones.get(alert.userId)).not.toBe(call?.from)
  await until(
    async () => (await callsTo(phones[0]))[0]?.heard.includes('Somebody has asked for help'),
    PATIENCE,
  )
})

test('the person’s language is spoken', async () => {
  const { alert, phones } = newPerson('telugu')
  expect((await announce(alert))?.isDone).toBe(true)
  await until(async () => (await callsTo(phones[0]))[0]?.heard.includes('సహాయం'), PATIENCE)
})

test('with Twilio down Exotel calls, with both down it is left for the next time', async () => {
  await world.api('PUT', '/api/faults', { provider: 'twilio', mode: 'down' })
  const first = newPerson('rider', [true])
  expect(await announce(first.alert)).toMatchObject({ isDone: true, calls: [{ isPlaced: true }] })
  await until(async () => (await callsTo(first.phones[0]))[0]?.heard === 'flow alert', PATIENCE)

  await world.api('PUT', '/api/faults', { provider: 'exotel', mode: 'fail' })
  const second = newPerson('rider', [true])
  expect(await announce(second.alert)).toMatchObject({ isDone: false, calls: [] })
  await world.api('PUT', '/api/faults', { provider: 'exotel', mode: 'ok' })
  expect(await announce(second.alert)).toMatchObject({
    isDone: true,
    calls: [{ contact: 0, isPlaced: true }],
  })
  expect(await callsTo(second.phones[0])).toHaveLength(1)
})

test('a provider that is too slow to say whether it rings is asked three times, and no more', async () => {
  await using slow = await startWorld({
    prefix: `${prefix}slow`,
    env: { MASKCALL_PROVIDER_TIMEOUT_MS: '100' },
  })
  for (const provider of ['twilio', 'exotel'])
    await slow.api('PUT', '/api/faults', { provider, mode: 'slow', latencyMs: 60_000 })
  const userId = `${prefix}-slow`
  slow.town.phones.set(userId, '+917023099999')
  slow.town.contacts.set(userId, [
    { name: 'Contact 0', phone: '+919810999999', email: '', relation: '', voiceCall: true },
  ])
  const [sos] = slow.sosClients
  const alert = { alertId: `${prefix}-slow`, userId }
  await until(async () => {
    const answer = await sos?.announceAlerts({ alerts: [alert] }, { timeoutMs: 20_000 })
    return answer?.alerts[0]?.isDone
  }, PATIENCE)
  // Some may not even have got to the provider.
  const calls = (await slow.api('GET', '/api/calls?provider=twilio')) as ShownCall[]
  expect(calls.length).toBeLessThanOrEqual(3)
})

test('a number that no provider takes is done, and not called', async () => {
  for (const [provider, code] of [
    ['twilio', '21211'],
    ['exotel', '400'],
  ])
    await world.api('PUT', '/api/faults', { provider, mode: 'refuse', code })
  const { alert } = newPerson('rider', [true])
  expect(await announce(alert)).toMatchObject({ isDone: true, calls: [{ contact: 0, isPlaced: false }] })
})

test('whoever has nobody to call is done', async () => {
  const { alert } = newPerson('rider', [false])
  expect(await announce(alert)).toEqual({ alertId: alert.alertId, isDone: true, calls: [] })
  expect(await announce({ alertId: `${prefix}-none`, userId: `${prefix}-nobody` })).toMatchObject({
    isDone: true,
  })
})

test('only sos has contacts called, and no number or name is in a log or a record', async () => {
  const { alert, phones } = newPerson()
  await announce(alert)
  for (const as of [asUser('meera', 'admin'), onBehalfOf({ kind: 'backend' }), asUser(alert.userId)]) {
    const error: unknown = await world.client
      .announceAlerts({ alerts: [alert] }, as)
      .catch((thrown: unknown) => thrown)
    expect(error instanceof DomainError && error.reason).toBe(ErrorReason.ERROR_REASON_FORBIDDEN)
  }
  const records = await world.mongo.db(world.mongoDb).collection(alertCallsSpec.name).find().toArray()
  expect(records.length).toBeGreaterThan(0)
  const all = [...world.logs.lines, JSON.stringify(records)].join('\n')
  for (const phone of phones) expect(all).not.toContain(phone.slice(3))
  expect(all).not.toMatch(/Somebody|Contact \d/)
})
