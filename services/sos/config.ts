/** The only reader of this service's environment. */
import {
  addressSettings,
  checkPeerSettings,
  commonSettings,
  mongoSettings,
  portSettings,
} from '@hushryd/kernel/common-settings.ts'
import {
  type ConfigOf,
  durationMs,
  type Environment,
  hostPort,
  integer,
  optional,
  readEnv,
  url,
} from '@hushryd/kernel/config.ts'
import { keyRing } from '@hushryd/kernel/key-ring-setting.ts'

export const sosSettings = {
  ...commonSettings,
  ...portSettings(7002),
  DIRECTORY_ADDR: addressSettings.DIRECTORY_ADDR,
  LOCATION_ADDR: addressSettings.LOCATION_ADDR,
  NOTIFY_ADDR: addressSettings.NOTIFY_ADDR,
  MASKCALL_ADDR: optional(
    hostPort({
      doc: 'gRPC address of the maskcall service, which calls emergency contacts who want to be called about an alert; left out, nobody is.',
    }),
  ),
  PUBLIC_URL: url({
    protocols: ['http:', 'https:'],
    default: 'http://localhost:8080',
    doc: 'Where people reach the edge from outside: the links that emergency contacts get begin with it.',
  }),
  SOS_KEYS: keyRing(
    'Keys behind PINs and share links, one `KEY_ID:BASE64-OF-32-BYTES` a line: the first is used for new ones; one that is taken out makes the PINs that were set under it worthless.',
  ),
  NOTIFY_KEYS: keyRing(
    'Notify’s keys, under which the variables of messages to contacts are sealed on their way to it.',
  ),
  SOS_STREAM_REPLICAS: integer({
    default: 1,
    min: 1,
    max: 5,
    doc: 'Copies of the JetStream stream SOS; 3 where the cluster has 3 servers.',
  }),
  SOS_ANSWER_MS: durationMs({
    default: 400,
    min: 50,
    max: 5_000,
    doc: 'A trigger is answered within this, with what is done by then; the rest goes on. One that no store has by then waits on while its turn may come.',
  }),
  SOS_ESCALATE_AFTER_MS: durationMs({
    default: 30_000,
    min: 100,
    doc: 'An alert that nobody has taken by then is told to the people on duty.',
  }),
  SOS_ESCALATE_AGAIN_MS: durationMs({
    default: 60_000,
    min: 100,
    doc: 'And again each time that so much has passed.',
  }),
  SOS_QUIET_MS: durationMs({
    default: 300_000,
    min: 100,
    doc: 'One who has taken an alert and then does nothing for so long is taken for gone: it is escalated again.',
  }),
} as const

export const verifyAuditSettings = { ...mongoSettings } as const

export type SosConfig = ConfigOf<typeof sosSettings>
export type VerifyAuditConfig = ConfigOf<typeof verifyAuditSettings>

export function readSosConfig(env: Environment): SosConfig {
  return readEnv(env, sosSettings, checkPeerSettings)
}

export function readVerifyAuditConfig(env: Environment): VerifyAuditConfig {
  return readEnv(env, verifyAuditSettings)
}
