/**
 * Run after a new key was put first in MASKCALL_KEYS and every maskcall has
 * restarted with it. When it ends with status 0, nothing is left under another
 * key, and the old ones may go; ended sessions that still rest are left until
 * they are released. It can be stopped and run again at any time.
 */
import { ConfigError, environment } from '@hushryd/kernel/config.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { type RotateKeysConfig, readRotateKeysConfig } from './config.ts'
import { rotateKeys } from './rotate-keys.ts'
import { type SessionDocument, sessionsSpec } from './session-document.ts'

const NAME = 'maskcall-rotate-keys'
const EXIT_CONFIG = 78
const EXIT_LEFT_OVER = 1

async function rotate(config: RotateKeysConfig, signal: AbortSignal): Promise<boolean> {
  const log = createLog({ name: NAME })
  await using mongo = await connectMongo({
    name: NAME,
    log,
    metrics: createMetrics(NAME),
    url: config.MONGO_URL,
    db: config.MONGO_DB,
    maxPoolSize: config.MONGO_POOL_MAX,
  })
  const { resealed, unreadable, resting } = await rotateKeys({
    ring: config.MASKCALL_KEYS,
    sessions: mongo.db.collection<SessionDocument>(sessionsSpec.name),
    log,
    signal,
  })
  const isComplete = unreadable === 0 && resting === 0 && !signal.aborted
  log.info({ resealed, unreadable, resting, isComplete }, 'rotation ended')
  return isComplete
}

const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
try {
  const isComplete = await rotate(readRotateKeysConfig(environment), stopped.signal)
  process.exitCode = isComplete ? 0 : EXIT_LEFT_OVER
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = EXIT_CONFIG
}
