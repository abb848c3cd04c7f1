import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CannotUnseal,
  type KeyRing,
  readKeyRing,
  SEALED_PATTERN,
  type SealedPlace,
  seal,
  unseal,
} from './sealed-field.ts'

function keyLine(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`
}

const oldLine = keyLine('k1')
const newLine = keyLine('k2')
const ring: KeyRing = readKeyRing(oldLine)
const anyText = fc.string({ unit: 'grapheme', maxLength: 200 })
const anyPlace: fc.Arbitrary<SealedPlace> = fc.record({
  collection: fc.constantFrom('users', 'emergency_contacts'),
  id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,20}$/),
  field: fc.constantFrom('name', 'phone', 'email', 'whatsapp'),
})

describe('a sealed field', () => {
  it('opens at its place as what was sealed', () => {
    fc.assert(
      fc.property(anyPlace, anyText, (place, text) => {
        expect(unseal(ring, place, seal(ring, place, text))).toBe(text)
      }),
    )
  })

  it('has the form that the validators ask for and does not show its content', () => {
    fc.assert(
      fc.property(anyPlace, fc.stringMatching(/^\+91[6-9][0-9]{9}$/), (place, phone) => {
        const sealed = seal(ring, place, phone)
        expect(sealed).toMatch(new RegExp(SEALED_PATTERN))
        expect(sealed).not.toContain(phone.slice(3))
        expect(Buffer.from(sealed.split(':')[2] ?? '', 'base64url').toString('latin1')).not.toContain(
          phone.slice(3),
        )
      }),
    )
  })

  it('is different each time it is sealed', () => {
    const place = { collection: 'users', id: 'u1', field: 'phone' }
    expect(seal(ring, place, '+919876543210')).not.toBe(seal(ring, place, '+919876543210'))
  })

  it('does not open at any other place', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, anyText, (place, other, text) => {
        fc.pre(JSON.stringify(place) !== JSON.stringify(other))
        const sealed = seal(ring, place, text)
        expect(() => unseal(ring, other, sealed)).toThrow(CannotUnseal)
      }),
    )
  })

  it('does not open after any change of any character', () => {
    fc.assert(
      fc.property(
        anyPlace,
        anyText,
        fc.nat(),
        fc.constantFrom(...'ABCxyz019-_:=+/ '),
        (place, text, at, character) => {
          const sealed = seal(ring, place, text)
          const index = at % sealed.length
          fc.pre(sealed[index] !== character)
          const changed = sealed.slice(0, index) + character + sealed.slice(index + 1)
          expect(() => unseal(ring, place, changed)).toThrow(CannotUnseal)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('does not open when it is cut short or made longer', () => {
    fc.assert(
      fc.property(anyPlace, anyText, fc.nat(), fc.base64String({ minLength: 1 }), (place, text, at, more) => {
        const sealed = seal(ring, place, text)
        expect(() => unseal(ring, place, sealed.slice(0, at % sealed.length))).toThrow(CannotUnseal)
        expect(() => unseal(ring, place, sealed + more)).toThrow(CannotUnseal)
      }),
    )
  })

  it('does not open under another key, also one of the same id', () => {
    fc.assert(
      fc.property(anyPlace, anyText, (place, text) => {
        const sealed = seal(ring, place, text)
        expect(() => unseal(readKeyRing(newLine), place, sealed)).toThrow(CannotUnseal)
        expect(() => unseal(readKeyRing(keyLine('k1')), place, sealed)).toThrow(CannotUnseal)
      }),
    )
  })

  it('opens after a new key was put first, and what is sealed then is under the new key', () => {
    const rotated = readKeyRing(`${newLine}\n${oldLine}`)
    fc.assert(
      fc.property(anyPlace, anyText, (place, text) => {
        expect(unseal(rotated, place, seal(ring, place, text))).toBe(text)
        const resealed = seal(rotated, place, text)
        expect(unseal(readKeyRing(newLine), place, resealed)).toBe(text)
        expect(() => unseal(ring, place, resealed)).toThrow(CannotUnseal)
      }),
    )
  })
})

describe('a key ring', () => {
  it('seals with its first key and skips comments and empty lines', () => {
    expect(readKeyRing(`# since November\n\n${newLine}\r\n${oldLine}\n`).current.id).toBe('k2')
  })

  it('names the wrong line and shows nothing of it', () => {
    const secret = randomBytes(31).toString('base64')
    expect(() => readKeyRing(`${newLine}\nk9:${secret}`)).toThrow(/^line 2 is not of the form/)
    try {
      readKeyRing(`${newLine}\nk9:${secret}`)
    } catch (error) {
      expect(String(error)).not.toContain(secret.slice(0, 8))
    }
  })

  it.each([
    '',
    '\n# nothing\n',
    'k1',
    `${oldLine}\n${oldLine}`,
    `bad id:${randomBytes(32).toString('base64')}`,
  ])('refuses %j', (text) => {
    expect(() => readKeyRing(text)).toThrow()
  })
})
