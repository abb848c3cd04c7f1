import { inspect } from 'node:util'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readOptionalPhone, readPhone } from './phone.ts'

function refusal(text: string, field = 'phone'): DomainError {
  try {
    readPhone(text, field)
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error('the number was taken')
}

describe('a phone number', () => {
  it.each([
    ['9876543210', '+919876543210'],
    ['098765 43210', '+919876543210'],
    ['+91 98765-43210', '+919876543210'],
    ['(+91) 98765 43210', '+919876543210'],
    ['0091 98765 43210', '+919876543210'],
    ['  +919876543210 ', '+919876543210'],
    ['+91 40 2345 6789', '+914023456789'],
    ['+44 20 7946 0958', '+442079460958'],
    ['+1 212 555 2368', '+12125552368'],
  ])('written as %s is stored in E.164', (text, stored) => {
    expect(readPhone(text, 'phone')).toBe(stored)
  })

  it.each([
    '',
    ' ',
    '12345',
    '+91 5999999999',
    '0000000000',
    '98765432101234',
    'call me',
    'my number is 9876543210',
    '9876543210 ext. 5',
    '+999 12345678',
    '98765४3210x',
  ])('%j is refused', (text) => {
    expect(refusal(text).reason).toBe(ErrorReason.ERROR_REASON_INVALID_PHONE)
  })

  it('is the same however often it is normalised and however it is spaced', () => {
    const mobile = fc
      .tuple(fc.integer({ min: 6, max: 9 }), fc.stringMatching(/^[0-9]{9}$/))
      .map(([first, rest]) => `${first}${rest}`)
    fc.assert(
      fc.property(mobile, fc.array(fc.nat(9), { maxLength: 3 }), (digits, cuts) => {
        let stored: string
        try {
          stored = readPhone(digits, 'phone')
        } catch {
          return // Not every series that starts with 6 to 9 has been given out.
        }
        expect(readPhone(stored, 'phone')).toBe(stored)
        const spaced = [...digits]
          .map((digit, index) => (cuts.includes(index) ? `${digit} ` : digit))
          .join('')
        expect(readPhone(`+91 ${spaced}`, 'phone')).toBe(stored)
      }),
    )
  })

  it('that is refused names its field and is repeated nowhere in the error', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-5][0-9]{8,12}$/), (digits) => {
        let error: DomainError
        try {
          error = refusal(digits, 'contacts[2].phone')
        } catch {
          return
        }
        expect(error.violations.map(({ field }) => field)).toEqual(['contacts[2].phone'])
        expect(inspect(error, { depth: null, showHidden: true })).not.toContain(digits)
      }),
    )
  })

  it('may be left out where it is optional', () => {
    expect(readOptionalPhone(' ', 'whatsapp')).toBe('')
    expect(readOptionalPhone('9876543210', 'whatsapp')).toBe('+919876543210')
  })
})
