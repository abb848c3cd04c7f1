/**
 * Checks every alert's audit trail: its chain of hashes, and that none of its
 * entries is missing. Ends with status 1 and the alerts' ids where one is not
 * what was written.
 */
import { ConfigError, environment } from '@hushryd/kernel/config.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { AlertStore } from './alert-store.ts'
import { readVerifyAuditConfig, type VerifyAuditConfig } from './config.ts'
import { OpenBatches } from './open-batches.ts'
import { type Verified, verifyAudit } from './verify-audit.ts'

const NAME = 'sos-verify-audit'
const EXIT_CONFIG = 78
const EXIT_BROKEN = 1

async function verify(config: VerifyAuditConfig): Promise<Verified> {
  const log = createLog({ name: NAME, level: 'warn' })
  await using mongo = await connectMongo({
    name: NAME,
    log,
    metrics: createMetrics(NAME),
    url: config.MONGO_URL,
    db: config.MONGO_DB,
  })
  return await verifyAudit(new AlertStore(mongo, new OpenBatches(mongo)).all())
}

try {
  const { alerts, broken } = await verify(readVerifyAuditConfig(environment))
  for (const { alertId, entry } of broken) process.stdout.write(`broken: ${alertId}, entry ${entry}\n`)
  process.stdout.write(`${alerts} alerts, ${broken.length} with a broken audit trail\n`)
  process.exitCode = broken.length === 0 ? 0 : EXIT_BROKEN
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = EXIT_CONFIG
}
