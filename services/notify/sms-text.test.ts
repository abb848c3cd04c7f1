import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countSegments, matchesRegistered, placeValues } from './sms-text.ts'

describe('segments', () => {
  it('hold 160 places of GSM 03.38, of which some characters take two, or 70 of UCS-2', () => {
    expect(countSegments('a'.repeat(160))).toBe(1)
    expect(countSegments('a'.repeat(161))).toBe(2)
    expect(countSegments('€'.repeat(80))).toBe(1)
    expect(countSegments('€'.repeat(81))).toBe(2)
    expect(countSegments('स'.repeat(70))).toBe(1)
    expect(countSegments('స'.repeat(71))).toBe(2)
    expect(countSegments('a'.repeat(306))).toBe(2)
    expect(countSegments('స'.repeat(135))).toBe(3)
  })
})

describe('the registered text', () => {
  it('is matched with values of at most 30 characters a place', () => {
    const registered = 'Hello {#var#}, see {#var#}{#var#} (now).'
    expect(
      matchesRegistered('Hello Asha, see https://ride.example/s/abcdefghijklmnop (now).', registered),
    ).toBe(true)
    expect(matchesRegistered(`Hello ${'x'.repeat(31)}, see y (now).`, registered)).toBe(false)
    expect(matchesRegistered(`Hello x, see ${'y'.repeat(60)} (now).`, registered)).toBe(true)
    expect(matchesRegistered(`Hello x, see ${'y'.repeat(61)} (now).`, registered)).toBe(false)
    expect(matchesRegistered('Hello Asha, see it (later).', registered)).toBe(false)
    expect(matchesRegistered('Hello Asha, see it (now). And more.', registered)).toBe(false)
    expect(matchesRegistered('Hello A\nsha, see it (now).', registered)).toBe(false)
  })

  it('takes every text for itself where there is no place', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, two) => {
        fc.pre(!one.includes('{#var#}'))
        expect(matchesRegistered(one, one)).toBe(true)
        expect(matchesRegistered(two, one)).toBe(two === one)
      }),
    )
  })

  it('gets long values over several places, without loss and between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 90 }), (value) => {
        const values = placeValues(value, 3)
        expect(values).toHaveLength(3)
        expect(values.join('')).toBe(value)
        expect(values.every((each) => each.isWellFormed())).toBe(true)
      }),
    )
  })
})
