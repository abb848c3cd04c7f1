import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isFinalClose, retryDelayMs } from './backoff.ts'

test('waits grow from one second to thirty, with full jitter', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => retryDelayMs(attempt, () => 1))
  expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  fc.assert(
    fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const delayMs = retryDelayMs(attempt, () => random)
      return delayMs >= 0 && delayMs <= 30_000
    }),
  )
})

test('only close codes from 4500 to 4999 are final, known or not', () => {
  expect([1000, 1006, 1009, 4000, 4123, 4499].some(isFinalClose)).toBe(false)
  expect([4500, 4502, 4999].every(isFinalClose)).toBe(true)
})
