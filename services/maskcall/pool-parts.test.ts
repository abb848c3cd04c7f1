import { expect, test } from 'vitest'
import type { KnownNumber } from './number-store.ts'
import { poolParts } from './pool-parts.ts'

function number(digits: string, change: Partial<KnownNumber> = {}): KnownNumber {
  const number = `+9180470000${digits}`
  return { number, provider: 'twilio', country: 'IN', circle: 'KA', state: 'active', ...change }
}

function use(digits: string, held: number, live: number) {
  return { number: `+9180470000${digits}`, held, live }
}

test('what sessions have counts in each circle, and only numbers that new ones may get are places', () => {
  const numbers = [
    number('01'),
    number('02'),
    number('03', { state: 'paused' }),
    number('04', { circle: 'AP' }),
    number('05', { provider: 'exotel' }),
  ]
  const uses = [use('01', 5, 3), use('03', 2, 2), use('04', 1, 0)]
  expect(poolParts(numbers, uses, 10)).toMatchObject([
    { provider: 'exotel', circle: 'KA', numbers: 1, places: 10, used: 0, resting: 0 },
    { provider: 'twilio', circle: 'AP', numbers: 1, places: 10, used: 0, resting: 1 },
    { provider: 'twilio', circle: 'KA', numbers: 2, numbersPaused: 1, places: 20, used: 5, resting: 2 },
  ])
})

test('a retired number counts for as long as a session has it', () => {
  const retired = [number('01', { state: 'retired' })]
  expect(poolParts(retired, [use('01', 1, 1)], 10)).toMatchObject([{ numbers: 0, places: 0, used: 1 }])
  expect(poolParts(retired, [], 10)).toEqual([])
})

test('no number is in it', () => {
  const parts = poolParts([number('01')], [use('01', 1, 1)], 10)
  expect(JSON.stringify(parts)).not.toContain('8047')
})
