/**
 * Invariant: an alert that was accepted is stored once, its contacts are told,
 * each step of telling them is one notification, and operations see the alert
 * once and hear of every part that failed, whatever dies in the middle.
 * Method: 2,000 alerts by REST, repeated under their ids until they are
 * accepted, while sos, notify, NATS and MongoDB are killed without a word and
 * started again, one after the other; then everything comes to rest, and the
 * database, the operations log and the providers' side are compared.
 */
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  type Legs,
  type Message,
  messagesOf,
  putPerson,
  rest,
  signIn,
  type Triggered,
  withDatabase,
} from '../testing/alerts.ts'
import { readOperationsLog } from '../testing/operations-log.ts'

/** Half of them before each death, half of them after it. */
const ALERTS_EACH = 500
const DEATHS = 4
const ALERTS = ALERTS_EACH * DEATHS
const PEOPLE = 50
const LEGS = ['stream', 'database', 'admin', 'contacts'] as const satisfies readonly (keyof Legs)[]
const SENDERS = 64
/** More than can have been under way when a part died. */
const MANY = 2 * SENDERS
/** In their order, each with what has to be seen of its absence before it comes back. */
const VICTIMS: readonly { readonly name: string; readonly isFelt: Felt }[] = [
  { name: 'sos', isFelt: ({ refused }) => refused >= SENDERS },
  // Nobody who raises an alert feels that: its queue fills.
  { name: 'notify', isFelt: ({ accepted }) => accepted >= ALERTS_EACH / 4 },
  { name: 'nats', isFelt: ({ waiting }) => waiting.stream >= MANY && waiting.admin >= MANY },
  { name: 'mongo', isFelt: async () => (await readFailedLegs()).has('database') },
]
/** Between two tries of a sender whose alert was not accepted. */
const PAUSE_MS = 100
/** Every look reads a whole collection: not too often. */
const PATIENCE = { timeout: 300_000, interval: 1_000 }
const KILL_MS_MAX = 180_000

let system: TestSystem

beforeAll(async () => {
  system = await startSystem({
    programs: ['edge', 'sos', 'notify'],
    // Nobody takes these alerts, which is another test's matter.
    env: { LOG_LEVEL: 'warn', SOS_ESCALATE_AFTER_MS: '3600000' },
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

interface Person {
  readonly userId: string
  readonly token: string
  readonly contactPhone: string
}

async function createPerson(index: number): Promise<Person> {
  const userId = `killed-rider-${index}`
  const contactPhone = `+91970000${String(index).padStart(4, '0')}`
  await putPerson(system, { userId, contacts: [{ name: 'Amma', phone: contactPhone }] })
  return { userId, token: await signIn(system, userId, 'passenger'), contactPhone }
}

/** The trip names the alert, also in the link that its contacts get. */
function tripOf(index: number): string {
  return `killed-${index}`
}

function alertIdOf(index: number): string {
  return `alert-killed-${index}`
}

/** Since a death. */
interface Seen {
  accepted: number
  refused: number
  /** Answers that named the leg as queued. */
  readonly waiting: Record<keyof Legs, number>
}

type Felt = (seen: Seen) => boolean | Promise<boolean>

function nothingSeen(): Seen {
  return { accepted: 0, refused: 0, waiting: { stream: 0, database: 0, admin: 0, contacts: 0 } }
}

/** Raises all alerts, many at once. */
class Flood {
  accepted = 0
  /** Begins anew with each death. */
  seen = nothingSeen()
  readonly #people: readonly Person[]
  #next = 0
  #limit = 0
  #opened = Promise.withResolvers<void>()

  constructor(people: readonly Person[]) {
    this.#people = people
  }

  /** So many more may be raised. */
  open(count: number): void {
    this.#limit += count
    this.#opened.resolve()
    this.#opened = Promise.withResolvers()
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: SENDERS }, () => this.#send()))
  }

  async #send(): Promise<void> {
    for (let index = this.#next++; index < ALERTS; index = this.#next++) {
      while (index >= this.#limit) await this.#opened.promise
      for (let attempt = 0; !(await this.#isAccepted(index, attempt)); attempt += 1)
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      this.accepted += 1
      this.seen.accepted += 1
    }
  }

  async #isAccepted(index: number, attempt: number): Promise<boolean> {
    const { token = '' } = this.#people[index % PEOPLE] ?? {}
    const body = { alertId: alertIdOf(index), tripId: tripOf(index) }
    const edge = (index + attempt) % 2
    const { status, body: answer } = await rest(system, {
      method: 'POST',
      path: '/v1/sos',
      token,
      body,
      edge,
    })
    if (status === 200) {
      const { legs } = answer as unknown as Triggered
      for (const leg of LEGS) if (legs[leg] === 'QUEUED') this.seen.waiting[leg] += 1
      return true
    }
    // Only what the contract says for a part that is away; anything else would be told to the person.
    expect(answer).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|DEADLINE/) })
    this.seen.refused += 1
    return false
  }
}

/**
 * Notify has nothing in memory only, as it has while MongoDB does not answer
 * it: that both are gone at once is another matter.
 */
async function nothingIsKept(): Promise<boolean> {
  const notify = system.plan.processes.find(({ name }) => name === 'notify')
  const response = await fetch(`http://127.0.0.1:${notify?.ports.ops}/metrics`)
  return /^hushryd_notify_kept(\{[^}]*\})? 0$/m.test(await response.text())
}

/** Each while many alerts are under way; as many again begin when it is gone, and the next one's when it is back. */
async function killInTurn(flood: Flood): Promise<void> {
  for (const [turn, { name, isFelt }] of VICTIMS.entries()) {
    flood.open(ALERTS_EACH / 2)
    const isDue = (): boolean => flood.accepted >= turn * ALERTS_EACH + ALERTS_EACH / 4
    await until(isDue, { timeoutMs: KILL_MS_MAX, what: `enough alerts before ${name}’s death` })
    await until(nothingIsKept, { timeoutMs: KILL_MS_MAX, what: 'notify to have all on record' })
    await system.process(name).kill('SIGKILL')
    flood.seen = nothingSeen()
    flood.open(ALERTS_EACH / 2)
    await until(() => isFelt(flood.seen), { timeoutMs: KILL_MS_MAX, what: `a sign of ${name}’s absence` })
    await system.process(name).restart()
  }
}

interface Single {
  readonly correlationId: string
  readonly channels: readonly string[]
  readonly state: string
  readonly attempts: readonly { readonly provider: string; readonly tries: number }[]
}

/** The single messages to contacts, as notify has them on record. */
async function readSingles(): Promise<Single[]> {
  const found = await withDatabase(
    system,
    (notifications) =>
      notifications.find({ recipients: 'emergency_contacts', contact: { $exists: true } }).toArray(),
    'notifications',
  )
  return found as unknown as Single[]
}

async function countOf(collection: string, filter: object): Promise<number> {
  return await withDatabase(system, (documents) => documents.countDocuments(filter), collection)
}

/** Those that operations have heard of. */
async function readFailedLegs(): Promise<ReadonlySet<string>> {
  const events = await readOperationsLog(system)
  return new Set(events.filter(({ type }) => type === 'sos.leg_failed').map(({ data }) => String(data?.leg)))
}

function countBy(keys: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

test('sos, notify, NATS and MongoDB are killed in the middle of 2,000 alerts: each is stored once, told once, and nothing is hidden', {
  timeout: 600_000,
}, async () => {
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, index) => createPerson(index)))
  const flood = new Flood(people)
  await Promise.all([flood.run(), killInTurn(flood)])
  expect(flood.accepted).toBe(ALERTS)

  await vi.waitFor(async () => {
    expect(await countOf('sos_alerts', {})).toBe(ALERTS)
    expect(await countOf('sos_open_batches', {})).toBe(0)
  }, PATIENCE)
  await vi.waitFor(async () => {
    const states = countBy((await readSingles()).map(({ state }) => state))
    const [sent = 0, delivered = 0] = [states.get('sent'), states.get('delivered')]
    // By SMS and by WhatsApp.
    expect(sent + delivered, JSON.stringify([...states])).toBe(2 * ALERTS)
  }, PATIENCE)

  // In this order: an attempt is on record before its copy goes out, and one that has no receipt yet goes on.
  const messages: Message[] = []
  for (const { contactPhone } of people) messages.push(...(await messagesOf(system, { to: contactPhone })))
  const singles = await readSingles()

  const steps = countBy(singles.map(({ correlationId, channels }) => `${correlationId} ${channels[0]}`))
  expect(steps.size).toBe(2 * ALERTS)
  expect([...steps.values()].filter((count) => count !== 1)).toEqual([])

  const copies = countBy(messages.map(({ body, provider }) => `${alertNamedIn(body)} ${provider}`))
  const told = new Set([...copies.keys()].map((key) => key.split(' ')[0]))
  expect(
    Array.from({ length: ALERTS }, (_, index) => alertIdOf(index)).filter((id) => !told.has(id)),
  ).toEqual([])
  // A second copy is one that the record knows of: another attempt, or one that a death left in doubt.
  const onRecord = new Map<string, number>()
  for (const { correlationId, attempts } of singles)
    for (const { provider, tries } of attempts) {
      const key = `${correlationId} ${provider}`
      onRecord.set(key, (onRecord.get(key) ?? 0) + tries)
    }
  expect([...copies].filter(([key, count]) => count > (onRecord.get(key) ?? 0))).toEqual([])

  const events = await readOperationsLog(system)
  // By its id: whoever finishes a leg minutes later records the same event again, which readers know.
  const triggered = new Map(
    events.filter(({ type }) => type === 'sos.triggered').map((event) => [event.eventId, event.alertId]),
  )
  const raised = countBy(triggered.values())
  expect(raised.size).toBe(ALERTS)
  expect([...raised.values()].filter((count) => count !== 1)).toEqual([])
  // NATS carries the stream and the log, MongoDB is the database. The contacts' leg has notify's calls as well.
  expect([...(await readFailedLegs())]).toEqual(expect.arrayContaining(['stream', 'admin', 'database']))
})

function alertNamedIn(body: string): string {
  const [, index = ''] = /trip=killed-(\d+)&/.exec(body) ?? []
  return alertIdOf(Number(index))
}
