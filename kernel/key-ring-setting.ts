/** The setting by which a service gets the keys that seal its personal data. */
import { type Setting, secret } from './config.ts'
import { type KeyRing, readKeyRing } from './sealed-field.ts'

/** A key has 32 bytes, which is 44 characters of base64, behind an id and a colon. */
const KEY_LINE_CHARS_MIN = 46

export function keyRing(doc: string): Setting<KeyRing> {
  const line = secret({ doc, charsMin: KEY_LINE_CHARS_MIN })
  return {
    ...line,
    kind: 'secret, KEY_ID:BASE64 lines',
    parse(text) {
      const plain = line.parse(text)
      try {
        return readKeyRing(plain)
      } catch (error) {
        throw new Error(`cannot be used: ${error instanceof Error ? error.message : 'unreadable'}`)
      }
    },
  }
}
