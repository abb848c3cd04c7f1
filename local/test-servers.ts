/**
 * Stores for the infra tests, started once a run (vitest's globalSetup).
 *
 * Tests find them by TEST_NATS_URL, TEST_REDIS_URL, TEST_MONGO_URL, TEST_CLAMD_URL
 * and TEST_S3_…. Servers that the settings name are used as they are.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startClamd } from './servers/clamd.ts'
import type { LocalServer } from './servers/local-server.ts'
import { startMongo } from './servers/mongo.ts'
import { startNats } from './servers/nats.ts'
import { startRadosgw } from './servers/radosgw.ts'
import { startValkey } from './servers/valkey.ts'

const STORES = [
  { setting: 'NATS_URL', start: startNats, folder: 'nats' },
  { setting: 'REDIS_URL', start: startValkey, folder: 'valkey' },
  { setting: 'MONGO_URL', start: startMongo, folder: 'mongo' },
  { setting: 'CLAMD_URL', start: startClamd, folder: 'clamd' },
]
const S3_SETTINGS = [
  'S3_ENDPOINT',
  'S3_REGION',
  'S3_BUCKET',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
] as const

let servers: LocalServer[] = []
let dataDir: string | undefined

export async function setup(): Promise<void> {
  // Two of vitest's projects name this file, and share what the first one started.
  if (process.env.TEST_NATS_URL) return
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-test-'))
  dataDir = folder
  const started = await Promise.all([
    ...STORES.map(async (store) => {
      const given = process.env[store.setting]
      const server = given ? undefined : await store.start({ dataDir: join(folder, store.folder) })
      process.env[`TEST_${store.setting}`] = given || server?.url
      return server
    }),
    startS3(join(folder, 's3')),
  ])
  servers = started.filter((server) => server !== undefined)
}

async function startS3(dataDir: string): Promise<LocalServer | undefined> {
  if (process.env.S3_ENDPOINT) {
    for (const name of S3_SETTINGS) process.env[`TEST_${name}`] = process.env[name]
    return undefined
  }
  const server = await startRadosgw({ dataDir })
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = server.spec.access
  Object.assign(process.env, {
    TEST_S3_ENDPOINT: endpoint,
    TEST_S3_REGION: region,
    TEST_S3_BUCKET: bucket,
    TEST_S3_ACCESS_KEY_ID: accessKeyId,
    TEST_S3_SECRET_ACCESS_KEY: secretAccessKey,
  })
  return server
}

export async function teardown(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true })
}
