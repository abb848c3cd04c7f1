/**
 * Deletes what a MongoDB server would have let expire: the embedded engine
 * accepts TTL indexes and `expireAfterSeconds`, and never acts on them.
 */
import type { Db, MongoClient } from 'mongodb'

const OWN_DATABASES = new Set(['admin', 'config', 'local'])

interface Expiry {
  readonly collection: string
  readonly field: string
  readonly afterSeconds: number
}

async function findExpiries(db: Db): Promise<Expiry[]> {
  const expiries: Expiry[] = []
  for (const info of await db.listCollections({}, { nameOnly: false }).toArray()) {
    const { name, type, options } = info as { name: string; type?: string; options?: Record<string, unknown> }
    if (name.startsWith('system.')) continue
    const timeseries = options?.timeseries as { timeField: string } | undefined
    if (timeseries !== undefined) {
      const afterSeconds = options?.expireAfterSeconds
      if (typeof afterSeconds === 'number')
        expiries.push({ collection: name, field: timeseries.timeField, afterSeconds })
      continue
    }
    if (type === 'view') continue
    for (const index of await db.collection(name).indexes()) {
      const fields = Object.keys(index.key)
      const [field] = fields
      if (typeof index.expireAfterSeconds !== 'number' || fields.length !== 1 || field === undefined) continue
      expiries.push({ collection: name, field, afterSeconds: index.expireAfterSeconds })
    }
  }
  return expiries
}

/** Answers how many documents were removed. */
export async function sweepExpired(client: MongoClient, nowMs: number): Promise<number> {
  let removed = 0
  const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true })
  for (const { name } of databases) {
    if (OWN_DATABASES.has(name)) continue
    const db = client.db(name)
    for (const { collection, field, afterSeconds } of await findExpiries(db)) {
      const before = new Date(nowMs - afterSeconds * 1000)
      const { deletedCount } = await db.collection(collection).deleteMany({ [field]: { $lt: before } })
      removed += deletedCount
    }
  }
  return removed
}
