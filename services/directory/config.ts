/** The only reader of this service's environment. */
import {
  checkPeerSettings,
  commonSettings,
  mongoSettings,
  portSettings,
} from '@hushryd/kernel/common-settings.ts'
import { type ConfigOf, type Environment, readEnv, type Setting, secret } from '@hushryd/kernel/config.ts'
import { type KeyRing, readKeyRing } from './sealed-field.ts'

/** A key has 32 bytes, which is 44 characters of base64, behind an id and a colon. */
const KEY_LINE_CHARS_MIN = 46

function keyRing(doc: string): Setting<KeyRing> {
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

const keySettings = {
  DIRECTORY_KEYS: keyRing(
    'Keys that seal personal data, one `KEY_ID:BASE64-OF-32-BYTES` a line: the first seals, all of them open.',
  ),
} as const

export const directorySettings = { ...commonSettings, ...portSettings(7006), ...keySettings } as const
export const rotateKeysSettings = { ...mongoSettings, ...keySettings } as const

export type DirectoryConfig = ConfigOf<typeof directorySettings>
export type RotateKeysConfig = ConfigOf<typeof rotateKeysSettings>

export function readDirectoryConfig(env: Environment): DirectoryConfig {
  return readEnv(env, directorySettings, checkPeerSettings)
}

export function readRotateKeysConfig(env: Environment): RotateKeysConfig {
  return readEnv(env, rotateKeysSettings)
}
