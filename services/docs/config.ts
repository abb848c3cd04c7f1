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
  integer,
  optional,
  readEnv,
  secret,
  text,
  url,
} from '@hushryd/kernel/config.ts'
import { keyRing } from '@hushryd/kernel/key-ring-setting.ts'
import type { S3Options } from './object-store.ts'

const s3Settings = {
  S3_ENDPOINT: optional(
    url({ protocols: ['http:', 'https:'], doc: 'S3 server; AWS by its region where left out.' }),
  ),
  S3_REGION: text({ default: 'ap-south-1', doc: 'Region of the bucket.' }),
  S3_BUCKET: text({ doc: 'Bucket of the documents; private, with CORS for the apps’ origins.' }),
  S3_ACCESS_KEY_ID: optional(
    text({ doc: 'Where left out, AWS’s own chain gives one, such as the pod’s role.' }),
  ),
  S3_SECRET_ACCESS_KEY: optional(secret({ doc: 'Of S3_ACCESS_KEY_ID.' })),
} as const

const cdnSettings = {
  CDN_URL: optional(
    url({
      protocols: ['https:'],
      doc: 'CloudFront distribution whose origin is the bucket; links are S3’s own where left out.',
    }),
  ),
  CDN_KEY_PAIR_ID: optional(text({ doc: 'Id of the public key by which CloudFront checks links.' })),
  CDN_PRIVATE_KEY: optional(secret({ doc: 'PEM of the private key by which links are signed.' })),
} as const

const DAYS_MAX = 36_500
const keepDays = (what: string, days: number) =>
  integer({ default: days, min: 0, max: DAYS_MAX, doc: `Days that ${what} is kept; 0 until it is deleted.` })

const retentionSettings = {
  DOCS_KEEP_DAYS_LICENSE: keepDays('a driving licence', 1_825),
  DOCS_KEEP_DAYS_RC: keepDays('a registration certificate', 1_825),
  DOCS_KEEP_DAYS_INSURANCE: keepDays('an insurance', 1_095),
  DOCS_KEEP_DAYS_PHOTO: keepDays('a photo', 1_825),
  DOCS_KEEP_DAYS_AADHAR: keepDays('an Aadhaar card', 180),
  DOCS_KEEP_DAYS_REJECTED: integer({
    default: 30,
    min: 1,
    max: DAYS_MAX,
    doc: 'Days that the record of a rejected document is kept; its file is gone at once.',
  }),
} as const

const MIB = 1024 * 1024

const quotaSettings = {
  DOCS_FILE_BYTES_MAX: integer({
    default: 10 * MIB,
    min: 1_024,
    max: 25 * MIB,
    doc: 'Largest file. The virus scanner’s StreamMaxLength has to be above.',
  }),
  DOCS_WAITING_MAX: integer({ default: 10, min: 1, doc: 'Uploads of a person that wait for their files.' }),
  DOCS_PER_USER_MAX: integer({ default: 50, min: 1, doc: 'Documents of a person.' }),
  DOCS_BYTES_PER_DAY_MAX: integer({
    default: 200 * MIB,
    min: 1_024,
    doc: 'Bytes that a person may announce in a day (UTC).',
  }),
} as const

export const docsSettings = {
  ...processSettings,
  ...peerSettings,
  ...natsSettings,
  ...mongoSettings,
  ...portSettings(7005),
  ...s3Settings,
  S3_PUBLIC_ENDPOINT: optional(
    url({
      protocols: ['http:', 'https:'],
      doc: 'The same server as apps and browsers reach it, for signed addresses; S3_ENDPOINT where left out.',
    }),
  ),
  ...cdnSettings,
  ...quotaSettings,
  ...retentionSettings,
  NOTIFY_ADDR: addressSettings.NOTIFY_ADDR,
  CLAMD_URL: url({
    protocols: ['tcp:', 'unix:'],
    doc: 'clamd: `tcp://host:3310`, or `unix:///path` of its socket.',
  }),
  DOCS_SCAN_TIMEOUT_MS: durationMs({
    default: 30_000,
    min: 100,
    doc: 'A scan that takes longer has no verdict, and is repeated.',
  }),
  DOCS_KEYS: keyRing(
    'Keys that seal Aadhaar cards, and nothing else; one `KEY_ID:BASE64-OF-32-BYTES` a line: the first seals, all of them open.',
  ),
  DOCS_STREAM_REPLICAS: integer({ default: 1, min: 1, max: 5, doc: 'Copies of the stream DOCS.' }),
  DOCS_WORKERS: integer({ default: 4, min: 1, max: 64, doc: 'Documents examined at once in this process.' }),
  DOCS_PIXELS_MAX: integer({
    default: 50_000_000,
    min: 1_000_000,
    max: 200_000_000,
    doc: 'Largest image, and what all images unpacked at once may have together; a pixel takes four bytes of memory.',
  }),
  DOCS_UPLOAD_MS: durationMs({
    default: 900_000,
    min: 1_000,
    max: 43_200_000,
    doc: 'How long an address takes its file.',
  }),
  DOCS_UPLOAD_KEPT_MS: durationMs({
    default: 3_600_000,
    min: 1_000,
    doc: 'How long an upload is waited for after its last address; longer than DOCS_UPLOAD_MS.',
  }),
  DOCS_LINK_MS: durationMs({
    default: 300_000,
    min: 1_000,
    max: 3_600_000,
    doc: 'How long a link shows its file.',
  }),
} as const

export const reconcileSettings = { ...mongoSettings, ...s3Settings } as const

export type DocsConfig = ConfigOf<typeof docsSettings>
export type ReconcileConfig = ConfigOf<typeof reconcileSettings>

function checkS3Settings(config: ConfigOf<typeof s3Settings>): readonly string[] {
  const { S3_ACCESS_KEY_ID: id, S3_SECRET_ACCESS_KEY: key, S3_ENDPOINT: endpoint } = config
  if (id !== undefined && key === undefined)
    return ['S3_SECRET_ACCESS_KEY is not set, and S3_ACCESS_KEY_ID is']
  if (id === undefined && key !== undefined)
    return ['S3_ACCESS_KEY_ID is not set, and S3_SECRET_ACCESS_KEY is']
  if (id === undefined && endpoint !== undefined) {
    return ['S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not set, and a server at S3_ENDPOINT needs them']
  }
  return []
}

function checkCdnSettings(config: ConfigOf<typeof cdnSettings>): readonly string[] {
  const missing = Object.entries({
    CDN_URL: config.CDN_URL,
    CDN_KEY_PAIR_ID: config.CDN_KEY_PAIR_ID,
    CDN_PRIVATE_KEY: config.CDN_PRIVATE_KEY,
  }).filter(([, value]) => value === undefined)
  const isHalf = missing.length > 0 && missing.length < 3
  return isHalf ? missing.map(([name]) => `${name} is not set, and CloudFront’s links need all of CDN_*`) : []
}

function checkUploadTimes({
  DOCS_UPLOAD_MS: open,
  DOCS_UPLOAD_KEPT_MS: kept,
}: DocsConfig): readonly string[] {
  return kept > open
    ? []
    : ['DOCS_UPLOAD_KEPT_MS is not above DOCS_UPLOAD_MS: uploads would be swept under way']
}

export function readDocsConfig(env: Environment): DocsConfig {
  return readEnv(env, docsSettings, (config) => [
    ...checkPeerSettings(config),
    ...checkS3Settings(config),
    ...checkCdnSettings(config),
    ...checkUploadTimes(config),
  ])
}

export function readReconcileConfig(env: Environment): ReconcileConfig {
  return readEnv(env, reconcileSettings, checkS3Settings)
}

export function s3OptionsOf(config: ConfigOf<typeof s3Settings>): S3Options {
  const { S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = config
  return {
    endpoint: S3_ENDPOINT,
    region: S3_REGION,
    bucket: S3_BUCKET,
    credentials:
      S3_ACCESS_KEY_ID === undefined || S3_SECRET_ACCESS_KEY === undefined
        ? undefined
        : { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
  }
}
