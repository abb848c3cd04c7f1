/** The only reader of this service's environment. */
import {
  addressSettings,
  checkPeerSettings,
  commonSettings,
  portSettings,
} from '@hushryd/kernel/common-settings.ts'
import { type ConfigOf, type Environment, hostPort, integer, readEnv } from '@hushryd/kernel/config.ts'

const { SOS_ADDR, NOTIFY_ADDR, MASKCALL_ADDR, DOCS_ADDR } = addressSettings

export const adminSettings = {
  ...commonSettings,
  ...portSettings(7007),
  SOS_ADDR,
  NOTIFY_ADDR,
  MASKCALL_ADDR,
  DOCS_ADDR,
  EDGE_ADDR: hostPort({
    default: '127.0.0.1:7010',
    doc: 'gRPC address of the edges’ own services, any of them: the overview’s figures of the fleet come from there.',
  }),
  ADMIN_STREAM_REPLICAS: integer({
    default: 1,
    min: 1,
    max: 5,
    doc: 'Copies of the JetStream stream ADMIN; 3 where the cluster has 3 servers.',
  }),
  ADMIN_STREAM_BYTES_MAX: integer({
    default: 2_147_483_648,
    min: 1_048_576,
    doc: 'Size of the stream ADMIN, oldest dropped first, and after 7 days in any case. At 200,000 events an hour a day takes 2 GB; the archive has what is older.',
  }),
  ADMIN_ARCHIVE_DAYS: integer({
    default: 400,
    min: 1,
    max: 4_000,
    doc: 'How long the archive keeps events.',
  }),
} as const

export type AdminConfig = ConfigOf<typeof adminSettings>

export function readAdminConfig(env: Environment): AdminConfig {
  return readEnv(env, adminSettings, checkPeerSettings)
}
