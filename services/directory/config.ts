/** The only reader of this service's environment. */
import {
  checkPeerSettings,
  commonSettings,
  mongoSettings,
  portSettings,
} from '@hushryd/kernel/common-settings.ts'
import { type ConfigOf, type Environment, readEnv } from '@hushryd/kernel/config.ts'
import { keyRing } from '@hushryd/kernel/key-ring-setting.ts'

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
