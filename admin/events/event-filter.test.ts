import { expect, it } from 'vitest'
import { EMPTY_FIELDS, fieldsOf, filterOf } from './event-filter.ts'

it('reads types as people write them', () => {
  expect(filterOf({ ...EMPTY_FIELDS, type: ' SOS.*, trip.started  call. ' }).types).toEqual([
    'sos',
    'trip.started',
    'call',
  ])
})

it('keeps the words of a region together', () => {
  expect(filterOf({ ...EMPTY_FIELDS, region: 'Navi Mumbai , Pune,' }).regions).toEqual([
    'Navi Mumbai',
    'Pune',
  ])
})

it('shows a filter as it was typed', () => {
  const fields = {
    type: 'sos, trip',
    region: 'Pune',
    tripId: 't-1',
    userId: 'u-1',
    severity: 'WARNING',
  } as const
  expect(fieldsOf(filterOf(fields))).toEqual(fields)
  expect(fieldsOf({})).toEqual(EMPTY_FIELDS)
})
