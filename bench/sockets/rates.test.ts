import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mostWithin, spreadOf } from './rates.ts'

test('the spread is that of the node farthest from the mean, above or below', () => {
  expect(spreadOf([])).toBe(0)
  expect(spreadOf([0, 0])).toBe(0)
  expect(spreadOf([100, 100, 100])).toBe(0)
  expect(spreadOf([110, 100, 90])).toBeCloseTo(0.1)
  expect(spreadOf([100, 100, 0])).toBeCloseTo(1)
})

test('the most within a stretch is what a look at every stretch finds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 60 }), (times) => {
      const found = Math.max(
        0,
        ...times.map((end) => times.filter((t) => t > end - 1_000 && t <= end).length),
      )
      expect(mostWithin(times, 1_000)).toBe(found)
    }),
  )
})
