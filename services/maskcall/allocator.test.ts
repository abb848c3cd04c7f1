/**
 * The allocation against a model of the database: an insert takes all claims
 * or none. Processes are interleaved at every wait.
 */
import { randomBytes } from 'node:crypto'
import { createLog } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Allocator, type Taken } from './allocator.ts'
import { digestKeysOf, isPlaceClaim, participantClaims } from './claims.ts'
import { createMaskcallEvents } from './events.ts'
import { type PoolNumber, readNumberList } from './number-list.ts'
import { Pool } from './pool.ts'

const keys = digestKeysOf(readKeyRing(`k1:${randomBytes(32).toString('base64')}`))
const events = createMaskcallEvents(
  createLog({ name: 'test', sink: { write: () => undefined } }),
  createMetrics('test'),
)

class ModelStore {
  readonly held = new Set<string>()
  readonly sessions: Taken[] = []

  async insert(taken: Taken): Promise<Taken | undefined> {
    await Promise.resolve()
    if (taken.claims.some((claim) => this.held.has(claim))) return undefined
    for (const claim of taken.claims) this.held.add(claim)
    this.sessions.push(taken)
    return taken
  }
}

function numbersOf(count: number): PoolNumber[] {
  return Array.from({ length: count }, (_, index) => ({
    number: `+9180471900${String(index).padStart(2, '0')}`,
    provider: 'twilio',
    country: 'IN',
    circle: 'KA',
  }))
}

function createProcess(store: ModelStore, numbers: readonly PoolNumber[], places: number): Allocator {
  const pool = new Pool(places)
  return new Allocator({
    pool,
    digestKeys: keys,
    events,
    heldOf: async (claims) => new Set(claims.filter((claim) => store.held.has(claim))),
    refresh: async () => {
      const count = (number: string) => store.sessions.filter((one) => one.number.number === number).length
      pool.update(numbers, new Map(numbers.map(({ number }) => [number, count(number)])))
    },
  })
}

const phone = (n: number): string => `+9198000${String(n).padStart(5, '0')}`

test('no number is given twice for one person, and none refused while one is free', async () => {
  const people = fc.integer({ min: 0, max: 7 })
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(
        fc.tuple(people, people).filter(([one, other]) => one !== other),
        { maxLength: 24 },
      ),
      async (numberCount, places, pairs) => {
        const store = new ModelStore()
        const numbers = numbersOf(numberCount)
        const processes = [1, 2, 3].map(() => createProcess(store, numbers, places))
        const refused: (readonly [number, number])[] = []
        await Promise.all(
          pairs.map(async ([driver, passenger], index) => {
            const phones = { driver: phone(driver), passenger: phone(passenger) }
            const taken = await processes[index % 3]?.take(
              { provider: 'twilio', country: 'IN', phones },
              (wish) => store.insert(wish),
            )
            if (taken === undefined) refused.push([driver, passenger])
          }),
        )
        const claims = store.sessions.flatMap((session) => session.claims)
        expect(new Set(claims).size).toBe(claims.length)
        for (const { number } of numbers) {
          const here = store.sessions.filter((session) => session.number.number === number)
          expect(here.length).toBeLessThanOrEqual(places)
        }
        // Nothing is ever given back here, so what was full then is full now.
        for (const [driver, passenger] of refused) {
          const hasRoom = numbers.some(({ number }) => {
            const mine = [driver, passenger].flatMap((n) => participantClaims(keys, number, phone(n)))
            const used = store.sessions.filter((session) => session.number.number === number).length
            return used < places && !mine.some((claim) => store.held.has(claim))
          })
          expect(hasRoom).toBe(false)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('sessions spread over the numbers', async () => {
  const store = new ModelStore()
  const numbers = numbersOf(20)
  const allocator = createProcess(store, numbers, 100)
  for (let n = 0; n < 400; n += 1) {
    const phones = { driver: phone(2 * n), passenger: phone(2 * n + 1) }
    await allocator.take({ provider: 'twilio', country: 'IN', phones }, (wish) => store.insert(wish))
  }
  const counts = numbers.map(
    ({ number }) => store.sessions.filter((one) => one.number.number === number).length,
  )
  expect(Math.max(...counts)).toBeLessThan(40)
  expect(Math.min(...counts)).toBeGreaterThan(5)
})

test('claims say neither who nor, without the key, whether', () => {
  const [claim = ''] = participantClaims(keys, '+918047190000', '+919876543210')
  expect(claim).not.toContain('9876543210')
  expect(isPlaceClaim(claim)).toBe(false)
  expect(participantClaims(keys, '+918047190001', '+919876543210')).not.toContain(claim)
  const others = digestKeysOf(readKeyRing(`k1:${randomBytes(32).toString('base64')}`))
  expect(participantClaims(others, '+918047190000', '+919876543210')).not.toContain(claim)
})

test('a list of numbers is checked whole', () => {
  const entry = { number: '+918047190000', provider: 'twilio' }
  expect(readNumberList(JSON.stringify([entry]))).toEqual([{ ...entry, country: 'IN', circle: '' }])
  for (const wrong of ['', '{}', '[]', '[{"number":"08047190000","provider":"twilio"}]'])
    expect(() => readNumberList(wrong)).toThrow()
  expect(() => readNumberList(JSON.stringify([{ ...entry, provider: 'acme' }]))).toThrow(/entry 0/)
  expect(() => readNumberList(JSON.stringify([entry, entry]))).toThrow(/twice/)
})
