import { expect, test } from 'vitest'
import { isPlace, placeOf, sequenceOf } from './archive-document.ts'
import { searchFilter } from './archive-search.ts'

const NOTHING = {
  types: [],
  regions: [],
  minSeverity: 0,
  tripId: '',
  userId: '',
  alertId: '',
  fromMs: 0,
  toMs: 0,
} as const

test('a search for nothing in particular has no conditions', () => {
  expect(searchFilter(NOTHING, {})).toEqual({})
})

test('every condition is one of the index, a severity by the list of those that pass', () => {
  expect(
    searchFilter(
      { ...NOTHING, types: ['sos'], regions: ['HYD'], minSeverity: 2, tripId: 'T', fromMs: 5, toMs: 9 },
      { from: 'a.1', before: 'a.7' },
    ),
  ).toEqual({
    _id: { $gte: 'a.1', $lt: 'a.7' },
    recordedAt: { $gte: new Date(5), $lt: new Date(9) },
    topics: { $in: ['sos'] },
    region: { $in: ['HYD'] },
    severity: { $in: [2, 3] },
    tripId: 'T',
  })
})

test('places sort as their logs and numbers do', () => {
  const places = [placeOf('mabc', 9), placeOf('mabc', 10), placeOf('mabd', 1)]
  expect(places.toSorted()).toEqual(places)
  expect(places.every(isPlace)).toBe(true)
  expect(sequenceOf(placeOf('mabc', 123_456_789_012))).toBe(123_456_789_012)
  expect(['', 'x', 'mabc.1', '../mabc.0000000000000001'].some(isPlace)).toBe(false)
})
