/**
 * The usual choice, as the design document draws it: a BullMQ worker with four
 * jobs at once. Each job writes the alert, publishes the admin's event and
 * queues the contacts' messages, all at the same time.
 *
 * Arguments: Redis's address, MongoDB's. Says which alerts are done.
 */
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import {
  ALERTS,
  adminEventOf,
  contactsMessageOf,
  DATABASE,
  documentOf,
  type PlainAlert,
  type PlainDocument,
  prepareAlerts,
  SOS_QUEUE,
} from './sos-work.ts'

const WORKERS = 4
/** Telling each alert by itself would cost more than some of the work. */
const TELL_EVERY_MS = 2

const [redisUrl = '', mongoUrl = ''] = process.argv.slice(2)
const mongo = await MongoClient.connect(mongoUrl)
const db = mongo.db(DATABASE)
await prepareAlerts(db)
const alerts = db.collection<PlainDocument>(ALERTS)
const redis = new Redis(redisUrl)
const notifications = new Queue('notifications', { connection: new Redis(redisUrl) })

let done: string[] = []
setInterval(() => {
  if (done.length === 0) return
  process.send?.({ done })
  done = []
}, TELL_EVERY_MS)

const worker = new Worker<PlainAlert>(
  SOS_QUEUE,
  async ({ data }) => {
    await Promise.all([
      alerts.insertOne(documentOf(data)),
      redis.publish('admin', JSON.stringify(adminEventOf(data))),
      notifications.add('sos_alert', contactsMessageOf(data), { priority: 1, attempts: 3 }),
    ])
    done.push(data.alertId)
  },
  {
    // Blocking commands wait longer than the driver's usual patience.
    connection: new Redis(redisUrl, { maxRetriesPerRequest: null }),
    concurrency: WORKERS,
  },
)
await worker.waitUntilReady()
process.send?.({ ready: true })
process.on('disconnect', () => process.exit(0))
