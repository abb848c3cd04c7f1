import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findHighestRate } from './search.ts'

test('the rate that is found holds, and is within a sixth of the highest for a fair guess', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1_000, max: 100_000 }),
      fc.double({ min: 0.5, max: 2, noNaN: true }),
      async (limit, guess) => {
        const holds = async (rate: number): Promise<boolean> => rate <= limit
        const found = await findHighestRate({ startRate: limit * guess, triesMax: 8, holds })
        expect(found).toBeLessThanOrEqual(limit + 1)
        expect(found).toBeGreaterThan((limit * 5) / 6)
      },
    ),
  )
})

test('a system that never holds is given up after the tries', async () => {
  let tries = 0
  const holds = async (): Promise<boolean> => {
    tries += 1
    return false
  }
  expect(await findHighestRate({ startRate: 1_000, triesMax: 5, holds })).toBe(0)
  expect(tries).toBe(5)
})
