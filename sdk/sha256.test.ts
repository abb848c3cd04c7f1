import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256, toHex } from './sha256.ts'

test('it is SHA-256, into whatever pieces the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (pieces) => {
      const hash = sha256()
      for (const piece of pieces) hash.update(piece)
      const expected = createHash('sha256').update(Buffer.concat(pieces)).digest('hex')
      expect(toHex(hash.digest())).toBe(expected)
    }),
  )
})

test('it is so for a file of many blocks', () => {
  const hash = sha256()
  const bytes = new Uint8Array(1_000_003).fill(7)
  hash.update(bytes)
  expect(toHex(hash.digest())).toBe(createHash('sha256').update(bytes).digest('hex'))
})
