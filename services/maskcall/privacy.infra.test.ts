/**
 * Property 5. Invariant: neither party's real number is in anything that
 * leaves for either party, or in any log, whatever happens. Method: random
 * sessions, calls, webhooks, failures and queries against real stores and the
 * provider sandbox; every byte of answers, errors, events, the admin log,
 * metrics, logs, what callers hear and what phones show, and the database, is
 * searched for every number in every common writing.
 */
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asUser, startWorld, type World } from './testing/maskcall-world.ts'
import type { TownTrip } from './testing/town.ts'

const prefix = uniquePrefix()
let world: World
/** Everything that somebody may see, with where it was seen. */
const seen: { readonly where: string; readonly bytes: Buffer }[] = []

function see(where: string, bytes: Uint8Array | string): void {
  seen.push({ where, bytes: Buffer.from(bytes) })
}

beforeAll(async () => {
  world = await startWorld({
    prefix,
    nodes: 2,
    env: {
      MASKCALL_RECORDING: 'on',
      MASKCALL_BREAKER_FAILURES: '1000',
      MASKCALL_PROVIDER_TIMEOUT_MS: '1000',
    },
  })
  for (const subject of ['push.>', 'admin.event.>']) {
    world.nats.subscribe(subject, {
      callback: (_error, message) => {
        // Other tests share the server; the people of this one carry its prefix.
        if (Buffer.from(message.data).includes(prefix)) see(message.subject, message.data)
      },
    })
  }
  await world.nats.flush()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

/** A number as it may be written by somebody who did not mean to. */
function writingsOf(e164: string): Buffer[] {
  const digits = e164.slice(1)
  const national = digits.slice(2)
  const grouped = (separator: string): string[] => [
    [national.slice(0, 5), national.slice(5)].join(separator),
    [national.slice(0, 3), national.slice(3, 6), national.slice(6)].join(separator),
    [national.slice(0, 4), national.slice(4, 7), national.slice(7)].join(separator),
  ]
  const plain = [national, ...[' ', '-', '.', ' - '].flatMap(grouped)]
  const reversed = plain.map((text) => [...text].reverse().join(''))
  const escaped = [...national]
    .map((digit) => `\\u${digit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
  const percent = [...national].map((digit) => `%${digit.charCodeAt(0).toString(16)}`).join('')
  const entities = [...national].map((digit) => `&#${digit.charCodeAt(0)};`).join('')
  const devanagari = [...national].map((digit) => String.fromCharCode(0x966 + Number(digit))).join('')
  // Within other bytes a number may begin at any of base64's three offsets.
  const base64 = [e164, digits, national, `0${national}`].flatMap((text) =>
    [0, 1, 2].map((offset) => {
      const encoded = Buffer.from('\0'.repeat(offset) + text)
        .toString('base64')
        .replace(/=+$/, '')
      return encoded.slice(offset === 0 ? 0 : 4, -4)
    }),
  )
  const hex = Buffer.from(national).toString('hex')
  const words = [
    ...plain,
    ...reversed,
    escaped,
    percent,
    entities,
    devanagari,
    ...base64,
    hex,
    hex.toUpperCase(),
  ]
  return words.map((text) => Buffer.from(text))
}

function findLeaks(trips: readonly TownTrip[]): string[] {
  const numbers = trips.flatMap(({ driverPhone, passengerPhone }) => [driverPhone, passengerPhone])
  const leaks: string[] = []
  for (const number of numbers) {
    for (const writing of writingsOf(number)) {
      for (const { where, bytes } of seen) {
        if (bytes.includes(writing)) leaks.push(`${where} shows ${number} as ${writing}`)
      }
    }
  }
  return leaks
}

type Act =
  | { readonly kind: 'open'; readonly who: Who; readonly consent: boolean }
  | { readonly kind: 'call' | 'end' | 'log'; readonly who: Who }
  | { readonly kind: 'ring' | 'sms'; readonly who: Who; readonly provider: 'twilio' | 'exotel' }
  | {
      readonly kind: 'phone'
      readonly who: 'driver' | 'passenger'
      readonly behaviour: 'answer' | 'busy' | 'no-answer'
    }
  | {
      readonly kind: 'fault'
      readonly provider: 'twilio' | 'exotel'
      readonly mode: 'ok' | 'fail' | 'down' | 'refuse'
    }
  | { readonly kind: 'forge' | 'replay' | 'finish' | 'metrics' }

type Who = 'driver' | 'passenger' | 'stranger'

const who = fc.constantFrom<Who>('driver', 'passenger', 'passenger', 'driver', 'stranger')
const provider = fc.constantFrom<'twilio' | 'exotel'>('twilio', 'exotel')
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('open' as const), who, consent: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('call' as const, 'log' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), who }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('ring' as const, 'sms' as const), who, provider }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('phone' as const),
      who: fc.constantFrom('driver' as const, 'passenger' as const),
      behaviour: fc.constantFrom('answer' as const, 'busy' as const, 'no-answer' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      provider,
      mode: fc.constantFrom(
        'ok' as const,
        'ok' as const,
        'fail' as const,
        'down' as const,
        'refuse' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('forge' as const, 'replay' as const, 'metrics' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('finish' as const) }) },
)

/** What a person's app gets, answer or error, in protobuf's JSON mapping and as bytes. */
async function asApp(where: string, work: () => Promise<object>): Promise<object | undefined> {
  try {
    const answer = await work()
    see(where, JSON.stringify(answer))
    return answer
  } catch (error) {
    const { message, reason, metadata, violations } = error as Record<string, unknown>
    see(`${where} error`, JSON.stringify({ message, reason, metadata, violations, stack: String(error) }))
    return undefined
  }
}

interface OpenSession {
  readonly sessionId: string
  readonly virtualNumber: string
}

class Story {
  readonly trip: TownTrip
  readonly strangerPhone = '+919999900001'
  #session: OpenSession = { sessionId: 'm_nothing00000', virtualNumber: '+918047190000' }

  constructor(trip: TownTrip) {
    this.trip = trip
  }

  userOf(one: Who): string {
    return one === 'driver'
      ? this.trip.driverId
      : one === 'passenger'
        ? this.trip.passengerId
        : `${prefix}stranger`
  }

  phoneOf(one: Who): string {
    return one === 'driver'
      ? this.trip.driverPhone
      : one === 'passenger'
        ? this.trip.passengerPhone
        : this.strangerPhone
  }

  async do(step: Act): Promise<void> {
    const { client, town, nodes } = world
    const { tripId } = this.trip
    switch (step.kind) {
      case 'open': {
        const request = { tripId, passengerId: '', recordingConsent: step.consent }
        const opened = await asApp('CreateSession', () =>
          client.createSession(request, asUser(this.userOf(step.who))),
        )
        if (opened !== undefined) this.#session = opened as OpenSession
        return
      }
      case 'call': {
        const request = { sessionId: this.#session.sessionId }
        await asApp('InitiateCall', () =>
          client.initiateCall(request, { ...asUser(this.userOf(step.who)), timeoutMs: 4_000 }),
        )
        return
      }
      case 'end': {
        const request = { sessionId: this.#session.sessionId }
        await asApp('EndSession', () => client.endSession(request, asUser(this.userOf(step.who))))
        return
      }
      case 'log': {
        const request = { tripId, pageSize: 0, pageToken: '' }
        await asApp('ListCallLogs', () => client.listCallLogs(request, asUser(this.userOf(step.who))))
        await asApp('ListCallLogs of an admin', () => client.listCallLogs(request, asUser('boss', 'admin')))
        return
      }
      case 'ring':
      case 'sms': {
        const body = {
          from: this.phoneOf(step.who),
          to: this.#session.virtualNumber,
          provider: step.provider,
          body: `I am ${this.phoneOf(step.who)}`,
        }
        if (step.kind === 'sms') {
          see('the reply to an SMS', JSON.stringify(await world.api('POST', '/api/sms/inbound', body)))
          return
        }
        const call = (await world.api('POST', '/api/calls/inbound', body)) as { readonly heard: string }
        see('what a caller hears', call.heard)
        return
      }
      case 'phone':
        await world.api('PUT', '/api/phones', { number: this.phoneOf(step.who), behaviour: step.behaviour })
        return
      case 'fault': {
        const code = step.provider === 'twilio' ? '21215' : '403'
        await world.api('PUT', '/api/faults', { provider: step.provider, mode: step.mode, code })
        return
      }
      case 'forge':
      case 'replay':
        return await this.#post(step.kind)
      case 'finish':
        town.setTrip(tripId, { status: TripStatus.COMPLETED })
        return
      case 'metrics':
        expect(nodes).toHaveLength(2)
        see('metrics', await world.metrics())
    }
  }

  /** What somebody makes of a webhook that he has seen: with another signature, or as it was. */
  async #post(how: 'forge' | 'replay'): Promise<void> {
    // A report whose first post was not finished may come again; what was answered well may not.
    const last = world.passed.findLast(({ path, status }) => path.includes('/voice') && status === 200)
    if (last === undefined) return
    const path = how === 'forge' ? last.path.replace(/secret=[^&]*/, 'secret=guess') : last.path
    const headers = { ...last.headers, ...(how === 'forge' ? { 'x-twilio-signature': 'AAAA' } : {}) }
    const response = await fetch(world.publicUrl + path, {
      method: last.method,
      headers: Object.fromEntries(
        Object.entries(headers).filter(([name]) => name === 'content-type' || name === 'x-twilio-signature'),
      ),
      ...(last.method === 'POST' ? { body: last.body } : {}),
    })
    expect(response.status).toBe(how === 'forge' ? 403 : 409)
    see(`the answer to a ${how}`, await response.text())
  }
}

/** What the phones of the two show: never the other's number, only virtual ones. */
async function seeCallerIds(trips: readonly TownTrip[]): Promise<void> {
  const calls = (await world.api('GET', '/api/calls')) as readonly {
    readonly direction: string
    readonly legs: readonly { readonly from: string; readonly to: string }[]
  }[]
  const numbers = new Set(trips.flatMap(({ driverPhone, passengerPhone }) => [driverPhone, passengerPhone]))
  for (const { direction, legs } of calls) {
    for (const [index, leg] of legs.entries()) {
      // The first leg of a call that came in is the caller himself.
      if (direction === 'inbound' && index === 0) continue
      expect(numbers.has(leg.from)).toBe(false)
      expect(leg.from).toMatch(/^\+9180(?:471900|472000)\d\d$/)
      see('caller id', leg.from)
    }
  }
}

async function seeDatabase(): Promise<void> {
  const db = world.mongo.db(world.mongoDb)
  for (const { name } of await db.listCollections().toArray()) {
    for await (const document of db.collection(name).find())
      see(`collection ${name}`, JSON.stringify(document))
  }
}

test('Property 5: neither number is in anything that either party, or any log, ever gets', async () => {
  const trips: TownTrip[] = []
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 12, maxLength: 40 }), async (steps) => {
      const story = new Story(world.town.addTrip(prefix))
      trips.push(story.trip)
      for (const name of ['twilio', 'exotel'])
        await world.api('PUT', '/api/faults', { provider: name, mode: 'ok' })
      await story.do({ kind: 'open', who: 'passenger', consent: false })
      for (const step of steps) await story.do(step)
    }),
    { numRuns: 20, endOnFailure: true },
  )
  // Calls that are under way end by themselves.
  const calls = world.mongo.db(world.mongoDb).collection('call_logs')
  await until(async () => (await calls.countDocuments({ untold: { $ne: [] } })) === 0, { timeoutMs: 30_000 })
  await seeCallerIds(trips)
  await seeDatabase()
  see('metrics', await world.metrics())
  for (const line of world.logs.lines) see('log', line)
  expect(findLeaks(trips)).toEqual([])
  // The search finds something where there is something, and there was plenty to search.
  for (const where of [
    'CreateSession',
    'InitiateCall',
    'ListCallLogs',
    'log',
    'metrics',
    'what a caller hears',
  ])
    expect(seen.filter((one) => one.where === where).length).toBeGreaterThan(0)
  expect(seen.some(({ where }) => where.startsWith('admin.event.call.'))).toBe(true)
  expect(seen.some(({ where }) => where.startsWith('push.user.'))).toBe(true)
}, 120_000)

test('the search finds a number in each of its writings, also inside of other text', () => {
  const number = '+919812345678'
  const shown = [
    '+919812345678',
    '09812345678',
    '98123 45678',
    '981-234-5678',
    '%2B919812345678',
    Buffer.from('call 9812345678 now').toString('base64'),
    Buffer.from('"phone":"+919812345678"').toString('base64'),
    '8765432189',
    '\\u0039\\u0038\\u0031\\u0032\\u0033\\u0034\\u0035\\u0036\\u0037\\u0038',
  ]
  for (const text of shown)
    expect(writingsOf(number).some((writing) => Buffer.from(`x${text}y`).includes(writing))).toBe(true)
})
