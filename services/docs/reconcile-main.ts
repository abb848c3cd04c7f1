/**
 * `npm run docs:reconcile [-- --repair]`: says which objects have no record
 * and which records have no file. Status 1 where something is found and was
 * not repaired.
 */
import { parseArgs } from 'node:util'
import { environment } from '@hushryd/kernel/config.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { readReconcileConfig, s3OptionsOf } from './config.ts'
import { DocumentStore } from './document-store.ts'
import { createS3Client, ObjectStore } from './object-store.ts'
import { Reconciler } from './reconciler.ts'

const { values } = parseArgs({ options: { repair: { type: 'boolean', default: false } } })
const config = readReconcileConfig(environment)
const name = 'docs-reconcile'
const log = createLog({ name, level: 'warn' })
await using mongo = await connectMongo({
  name,
  log,
  metrics: createMetrics(name),
  url: config.MONGO_URL,
  db: config.MONGO_DB,
})
const s3 = s3OptionsOf(config)
const reconciler = new Reconciler({
  store: new DocumentStore(mongo),
  objects: new ObjectStore(createS3Client(s3), s3.bucket),
  nowMs: Date.now,
})

const findings = await reconciler.compare()
for (const key of findings.orphans) console.log(`object without record: ${key}`)
for (const id of findings.lost) console.log(`record without object: ${id}`)
const count = findings.orphans.length + findings.lost.length
if (count === 0) console.log('every object has its record, and every record its object')
if (count > 0 && values.repair) {
  await reconciler.repair(findings)
  console.log(
    `repaired: ${findings.orphans.length} objects deleted, ${findings.lost.length} documents rejected`,
  )
}
process.exitCode = count > 0 && !values.repair ? 1 : 0
