import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EventFacts, type EventFilter, filterKey, passes, topicsOf } from './filter.ts'

const ALL: EventFilter = { types: [], regions: [], minSeverity: 0, tripId: '', userId: '', alertId: '' }
const words = fc.array(fc.constantFrom('sos', 'trip', 'sosx', 'started', 'a'), { minLength: 1, maxLength: 3 })
const type = words.map((list) => list.join('.'))
const severity = fc.constantFrom(1, 2, 3) as fc.Arbitrary<EventFacts['severity']>
const facts: fc.Arbitrary<EventFacts> = fc.record({
  type,
  severity,
  region: fc.constantFrom('', 'HYD', 'BLR'),
  tripId: fc.constantFrom('', 'T1', 'T2'),
  userId: fc.constantFrom('', 'U1'),
  alertId: fc.constantFrom('', 'A1'),
})

test('without conditions everything passes', () => {
  fc.assert(fc.property(facts, (event) => passes(ALL, event)))
})

test('a type passes by its topics and by nothing else, live as in the archive', () => {
  fc.assert(
    fc.property(facts, type, (event, wanted) => {
      expect(passes({ ...ALL, types: [wanted] }, event)).toBe(topicsOf(event.type).includes(wanted))
    }),
  )
})

test('conditions are joined by and, the values of one by or', () => {
  fc.assert(
    fc.property(
      facts,
      fc.array(type, { minLength: 1, maxLength: 3 }),
      severity,
      (event, types, minSeverity) => {
        const both = passes({ ...ALL, types, minSeverity, tripId: 'T1' }, event)
        const each =
          types.some((one) => passes({ ...ALL, types: [one] }, event)) &&
          passes({ ...ALL, minSeverity }, event) &&
          passes({ ...ALL, tripId: 'T1' }, event)
        expect(both).toBe(each)
      },
    ),
  )
})

test('filters that let the same pass have one key', () => {
  const key = filterKey({ ...ALL, types: ['b', 'a', 'a'] })
  expect(filterKey({ ...ALL, types: ['a', 'b'] })).toBe(key)
  expect(filterKey({ ...ALL, regions: ['a', 'b'] })).not.toBe(key)
})
