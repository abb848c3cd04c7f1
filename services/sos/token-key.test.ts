import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenKey } from './token-key.ts'

test('a token is the HMAC of its text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.string({ unit: 'grapheme' }), (key, text) => {
      expect(new TokenKey(key).tokenOf(text)).toBe(createHmac('sha256', key).update(text).digest('base64url'))
    }),
  )
})
