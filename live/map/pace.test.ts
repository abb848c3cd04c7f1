import { expect, test } from 'vitest'
import { paintEveryMs } from './pace.ts'

test('near, vehicles are painted thirty times a second; over a city, eight times', () => {
  expect(paintEveryMs(16, 17.4)).toBe(31)
  expect(paintEveryMs(11, 17.4)).toBe(125)
})

test('between, as often as a car crosses a quarter of a pixel', () => {
  // 4.56 m a pixel: 81 ms for a quarter of that at 14 m/s.
  expect(paintEveryMs(14, 17.4)).toBeCloseTo(81.4, 0)
})

test('nearer is never slower', () => {
  const paces = Array.from({ length: 31 }, (_, step) => paintEveryMs(3 + step / 2, 40))
  expect(paces).toEqual(paces.toSorted((a, b) => b - a))
})
