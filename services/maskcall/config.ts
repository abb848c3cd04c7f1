/** The only reader of this service's environment. */
import {
  addressSettings,
  checkPeerSettings,
  mongoSettings,
  natsSettings,
  peerSettings,
  portSettings,
  processSettings,
} from '@hushryd/kernel/common-settings.ts'
import {
  type ConfigOf,
  durationMs,
  type Environment,
  flag,
  integer,
  readEnv,
  type Setting,
  secret,
} from '@hushryd/kernel/config.ts'
import { keyRing } from '@hushryd/kernel/key-ring-setting.ts'
import { type PoolNumber, readNumberList } from './number-list.ts'
import { checkVoiceSettings, voiceSettings } from './providers/settings.ts'

/** Not a secret by itself, but long enough to be a file of its own. */
function numberList(doc: string): Setting<readonly PoolNumber[]> {
  const json = secret({ doc })
  return { ...json, kind: 'JSON list', parse: (value) => readNumberList(json.parse(value)) }
}

const keySettings = {
  MASKCALL_KEYS: keyRing(
    'Keys that seal people’s numbers and, derived, digest them; one `KEY_ID:BASE64-OF-32-BYTES` a line: the first seals, all of them open.',
  ),
} as const

export const maskcallSettings = {
  ...processSettings,
  ...peerSettings,
  ...natsSettings,
  ...mongoSettings,
  ...portSettings(7004),
  ...voiceSettings,
  ...keySettings,
  DIRECTORY_ADDR: addressSettings.DIRECTORY_ADDR,
  MASKCALL_NUMBERS: numberList(
    'The pool of virtual numbers, `[{"number": "+91…", "provider": "twilio" or "exotel", "country": "IN", "circle": "KA"}]`; what is no longer in it is retired.',
  ),
  MASKCALL_PLACES_PER_NUMBER: integer({
    default: 100,
    min: 1,
    max: 1_000,
    doc: 'Sessions that one virtual number serves at once, each with other people.',
  }),
  MASKCALL_POOL_LOW_PERCENT: integer({
    default: 80,
    min: 1,
    max: 100,
    doc: 'From this share of places in use on, operations are told that the pool runs low.',
  }),
  MASKCALL_SESSION_MS: durationMs({
    default: 14_400_000,
    min: 1_000,
    max: 86_400_000,
    doc: 'How long a session lives at most.',
  }),
  MASKCALL_REST_MS: durationMs({
    default: 1_800_000,
    max: 43_200_000,
    doc: 'How long after its end a session keeps its virtual number from being theirs with anybody else.',
  }),
  MASKCALL_TRIP_CHECK_MS: durationMs({
    default: 60_000,
    min: 100,
    doc: 'How often a live session’s trip is looked at, beside the news of it.',
  }),
  MASKCALL_RING_S: integer({ default: 30, min: 5, max: 120, doc: 'How long a phone rings, in seconds.' }),
  MASKCALL_CALL_MAX_S: integer({
    default: 3_600,
    min: 60,
    max: 14_400,
    doc: 'How long the two may speak, in seconds.',
  }),
  MASKCALL_RECORDING: flag({
    default: false,
    doc: 'Record calls of sessions in which both have agreed to it.',
  }),
  MASKCALL_PROVIDER_TIMEOUT_MS: durationMs({
    default: 4_000,
    min: 10,
    doc: 'How long a provider may take to accept a call before another one is asked.',
  }),
  MASKCALL_BREAKER_FAILURES: integer({
    default: 3,
    min: 1,
    max: 1_000,
    doc: 'Failures of a provider in a row after which it is left alone for a while.',
  }),
  MASKCALL_BREAKER_OPEN_MS: durationMs({
    default: 15_000,
    min: 10,
    doc: 'How long a provider is left alone before one call tries it again.',
  }),
} as const

export const rotateKeysSettings = { ...mongoSettings, ...keySettings } as const

export type MaskcallConfig = ConfigOf<typeof maskcallSettings>
export type RotateKeysConfig = ConfigOf<typeof rotateKeysSettings>

export function readMaskcallConfig(env: Environment): MaskcallConfig {
  return readEnv(env, maskcallSettings, (config) => [
    ...checkPeerSettings(config),
    ...checkVoiceSettings(config),
  ])
}

export function readRotateKeysConfig(env: Environment): RotateKeysConfig {
  return readEnv(env, rotateKeysSettings)
}
