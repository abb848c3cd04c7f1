/**
 * Stores for the infra tests, started once a run (vitest's globalSetup).
 *
 * Tests find them by TEST_NATS_URL, TEST_REDIS_URL and TEST_MONGO_URL. Servers
 * that the settings name are used as they are.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalServer } from './servers/local-server.ts'
import { startMongo } from './servers/mongo.ts'
import { startNats } from './servers/nats.ts'
import { startValkey } from './servers/valkey.ts'

const STORES = [
  { setting: 'NATS_URL', start: startNats, folder: 'nats' },
  { setting: 'REDIS_URL', start: startValkey, folder: 'valkey' },
  { setting: 'MONGO_URL', start: startMongo, folder: 'mongo' },
]

let servers: LocalServer[] = []
let dataDir: string | undefined

export async function setup(): Promise<void> {
  // Two of vitest's projects name this file, and share what the first one started.
  if (process.env.TEST_NATS_URL) return
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-test-'))
  dataDir = folder
  const started = await Promise.all(
    STORES.map(async (store) => {
      const given = process.env[store.setting]
      const server = given ? undefined : await store.start({ dataDir: join(folder, store.folder) })
      process.env[`TEST_${store.setting}`] = given ?? server?.url
      return server
    }),
  )
  servers = started.filter((server) => server !== undefined)
}

export async function teardown(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true })
}
