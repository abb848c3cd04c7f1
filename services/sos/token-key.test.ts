import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenKey } from './token-key.ts'

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme', minLength: 300, maxLength: 900 }),
)

test('each of many tokens is the HMAC of its own text, however long the ones before were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(text, { maxLength: 5 }), (key, texts) => {
      const tokens = new TokenKey(key)
      for (const each of texts)
        expect(tokens.tokenOf(each)).toBe(createHmac('sha256', key).update(each).digest('base64url'))
    }),
  )
})
