import { expect, test } from 'vitest'
import { findPersonalData } from './personal-data.ts'

test.each([
  [{ phone: '+919876543210' }, 'data.phone'],
  [{ text: 'call +91 98765-43210 now' }, 'data.text'],
  [{ list: [1, { mail: 'asha@example.com' }] }, 'data.list.1.mail'],
  [{ 'asha@example.com': true }, 'data.…'],
])('%j is found at %s', (data, place) => {
  expect(findPersonalData(data)).toBe(place)
})

test('ids, amounts, times and masked numbers are none', () => {
  const data = {
    bookingId: '9876543210',
    fare: 245.5,
    at: '2026-11-24T13:00:00+05:30',
    caller: '+91******3210',
    people: ['u-1', 'u-2'],
    nothing: null,
  }
  expect(findPersonalData(data)).toBeUndefined()
})

test('what is too deep to be looked at is refused', () => {
  let data: unknown = 'deep'
  for (let depth = 0; depth < 20; depth += 1) data = { in: data }
  expect(findPersonalData(data)).toMatch(/^data(\.in)+$/)
})
