/**
 * `npm run bench -- admin`: the log of the operations room with 1, 10 and 100
 * watchers on two edges: how long an event takes from its service to every
 * watcher's socket, at rising rates.
 */
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { createEventLog, type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { openBackend } from '@hushryd/local/demo/backend.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { machineFacts } from '../location/report.ts'
import { percentileOf } from '../sos/figures.ts'
import type { WatchersReport, WatchersTask } from './watchers.ts'

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
const WATCHERS_FILE = new URL('./watchers.ts', import.meta.url)
const RATES = [1_000, 2_000, 4_000, 8_000]
const EVERY_MS = 10
/** The promise: an event is on every page within this, 99 times of 100. */
const LAG_MS_MAX = 200
const SETTLE_MS = 2_000

interface Measured {
  readonly watchers: number
  readonly eventsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Of what was published, the part that the watcher with the fewest was shown by the end. */
  readonly shown: number
  readonly breaks: number
}

/** As many a second, evenly; resolves when all are acknowledged. */
async function publish(log: EventLog, rate: number, seconds: number): Promise<number> {
  const startMs = performance.now()
  const recorded: Promise<void>[] = []
  for (let passedMs = 0; passedMs < seconds * 1_000; passedMs = performance.now() - startMs) {
    const due = Math.floor((passedMs / 1_000) * rate)
    while (recorded.length < due) {
      recorded.push(
        log.record({
          type: 'bench.event',
          severity: Severity.INFO,
          tripId: `trip-${recorded.length % 500}`,
          region: 'HYD',
          data: { step: recorded.length, note: 'an event as services write them' },
        }),
      )
    }
    await sleep(EVERY_MS)
  }
  await Promise.all(recorded)
  return recorded.length
}

async function startWatchers(system: TestSystem, count: number): Promise<Worker> {
  const backend = openBackend(system.edgeUrls[0] ?? '', system.serviceKey)
  const sockets: WatchersTask['sockets'][number][] = []
  for (let index = 0; index < count; index += 1) {
    const edge = system.edgeUrls[index % system.edgeUrls.length] ?? ''
    const token = await backend.signIn(`operator-${index}`, 'admin')
    sockets.push({ url: `${edge.replace(/^http/, 'ws')}/v1/ws`, token })
  }
  const worker = new Worker(WATCHERS_FILE, { workerData: { sockets } satisfies WatchersTask })
  await once(worker, 'message')
  return worker
}

async function reportOf(worker: Worker): Promise<WatchersReport> {
  worker.postMessage('report')
  const [report] = (await once(worker, 'message')) as [WatchersReport]
  return report
}

async function measure(log: EventLog, worker: Worker, rate: number, seconds: number): Promise<Measured> {
  await reportOf(worker)
  const published = await publish(log, rate, seconds)
  await sleep(SETTLE_MS)
  const { events, lagsMs, breaks } = await reportOf(worker)
  return {
    watchers: events.length,
    eventsPerSecond: Math.round(published / seconds),
    p50Ms: percentileOf(lagsMs, 0.5),
    p99Ms: percentileOf(lagsMs, 0.99),
    maxMs: percentileOf(lagsMs, 1),
    shown: Math.min(...events) / published,
    breaks,
  }
}

export async function runAdminBench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      watchers: { type: 'string', default: '1,10,100' },
      seconds: { type: 'string', default: '6' },
    },
  })
  console.log('starting')
  await using system = await startSystem({
    edges: 2,
    programs: ['admin', 'edge'],
    env: { LOG_LEVEL: 'warn', REST_RATE_ADDRESS: '100000' },
  })
  const parts = { log: createMemoryLog('error').log, metrics: createMetrics('bench') }
  await using nats = await connectNats({ ...parts, url: system.plan.stores.natsUrl, name: 'bench' })
  using publisher = createJetStreamPublisher(nats, parts)
  const log = createEventLog(publisher, { source: 'bench' })

  const measured: Measured[] = []
  for (const count of values.watchers.split(',').map(Number)) {
    const worker = await startWatchers(system, count)
    for (const rate of RATES) {
      const figures = await measure(log, worker, rate, Number(values.seconds))
      measured.push(figures)
      console.log(JSON.stringify(figures))
      if (figures.p99Ms > LAG_MS_MAX) break
    }
    await worker.terminate()
  }
  console.table(measured)
  await mkdir(RESULTS, { recursive: true })
  const result = { at: new Date().toISOString(), machine: machineFacts(), measured }
  await writeFile(`${RESULTS}admin.json`, `${JSON.stringify(result, null, 2)}\n`)
  console.log('written to bench/results/admin.json')
}
