import { randomBytes } from 'node:crypto'
import { CannotUnseal, readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sealFile, unsealFile } from './sealed-file.ts'

const line = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`
const [first, second] = [line('k1'), line('key-2')]
const ring = readKeyRing(first)

it('opens what it has sealed, for its own document alone', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), (bytes) => {
      const sealed = sealFile(ring, 'd_one', bytes)
      expect(unsealFile(ring, 'd_one', sealed)).toEqual(Buffer.from(bytes))
      expect(() => unsealFile(ring, 'd_two', sealed)).toThrow(CannotUnseal)
    }),
  )
})

it('does not open when any byte of it is another', () => {
  const sealed = sealFile(ring, 'd_one', Buffer.from('a card'))
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(() => unsealFile(ring, 'd_one', changed)).toThrow(CannotUnseal)
    expect(() => unsealFile(ring, 'd_one', sealed.subarray(0, at))).toThrow(CannotUnseal)
  }
})

it('opens under an older key of the ring, and not without it', () => {
  const sealed = sealFile(ring, 'd_one', Buffer.from('a card'))
  const rotated = readKeyRing(`${second}\n${first}`)
  expect(unsealFile(rotated, 'd_one', sealed).toString()).toBe('a card')
  expect(sealFile(rotated, 'd_one', Buffer.from('x')).includes('key-2')).toBe(true)
  expect(() => unsealFile(readKeyRing(second), 'd_one', sealed)).toThrow('not in the ring')
})
