/**
 * Live demo traffic: replays real rides with drivers and riders over real
 * WebSockets, so that `npm start` shows a city that moves.
 */
import { readFile } from 'node:fs/promises'
import { openBackend } from './backend.ts'
import { LatencyReport } from './latency-report.ts'
import { sendPapers } from './papers.ts'
import { type ReplayContext, replayRides } from './replay.ts'
import { readRides } from './ride.ts'
import { Riders } from './riders.ts'
import { startTestAlerts } from './test-alert.ts'

const REPORT_EVERY_MS = 10_000

const edgeUrls = (process.env.EDGE_URLS ?? 'http://127.0.0.1:8080,http://127.0.0.1:8081').split(',')
const serviceKey = process.env.HUSHRYD_SERVICE_KEY
const trips = Number(process.env.DEMO_TRIPS ?? 200)
if (serviceKey === undefined)
  throw new Error('HUSHRYD_SERVICE_KEY is not set: the demo signs its people in with it')
if (!Number.isInteger(trips) || trips < 1 || trips > 5_000) {
  throw new Error(`DEMO_TRIPS is ${process.env.DEMO_TRIPS}: it takes a whole number from 1 to 5000`)
}

const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
process.once('SIGINT', () => stop.abort())

const rides = readRides(await readFile(new URL('./rides.csv', import.meta.url), 'utf8'))
const latency = new LatencyReport()
const riders = new Riders()
const backend = openBackend(edgeUrls[0] ?? '', serviceKey)
const alerts = await startTestAlerts({
  host: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.HTTP_PORT ?? 8091),
  edgeUrls,
  riders,
  backend,
})
const context: ReplayContext = {
  backend,
  edgeUrls,
  latency,
  riders,
  signal: stop.signal,
}
const report = setInterval(() => console.log(latency.take()), REPORT_EVERY_MS)
console.log(`replaying ${rides.length} recorded rides, ${trips} trips at once`)
await Promise.all([replayRides(rides, trips, context), sendPapers(context)])
clearInterval(report)
await alerts[Symbol.asyncDispose]()
process.exit(0)
