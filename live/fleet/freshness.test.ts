import { expect, test } from 'vitest'
import { ageText, compassText, freshnessOf, speedText } from './freshness.ts'

test('a position is fresh for five seconds and stale at thirty', () => {
  expect([-1_000, 0, 5_000, 17_500, 30_000, 90_000].map(freshnessOf)).toEqual([1, 1, 1, 0.5, 0, 0])
})

test('ages, headings and speeds as people say them', () => {
  expect([-500, 1_000, 12_300, 61_000, 7_300_000].map(ageText)).toEqual([
    'just now',
    'just now',
    '12 s ago',
    '1 min ago',
    '2 h ago',
  ])
  expect([0, 44, 100, 350].map(compassText)).toEqual(['north', 'north-east', 'east', 'north'])
  expect(speedText(10)).toBe('36 km/h')
})
