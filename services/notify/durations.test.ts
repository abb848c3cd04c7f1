import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addDurations, type Durations, percentileMs, stepOf } from './durations.ts'

const times = fc.array(fc.integer({ min: 1, max: 3_600_000 }), { maxLength: 200 })

function scaled(list: readonly number[]): Durations {
  return list.reduce<Durations>((sum, ms) => addDurations(sum, { [stepOf(ms)]: 1 }), {})
}

test('a percentile is never too short and at most a fifth too long, however the times are spread over processes', () => {
  fc.assert(
    fc.property(times, times, fc.constantFrom(0.5, 0.95, 1), (here, there, share) => {
      const sorted = [...here, ...there].toSorted((a, b) => a - b)
      fc.pre(sorted.length > 0)
      const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? 0
      const told = percentileMs(addDurations(scaled(here), scaled(there)), share)
      // Half a millisecond is rounded away.
      expect(told).toBeGreaterThanOrEqual(exact - 0.5)
      expect(told).toBeLessThanOrEqual(exact * 1.2 + 1)
    }),
  )
})

test('nothing measured is 0', () => {
  expect(percentileMs({}, 0.5)).toBe(0)
})
