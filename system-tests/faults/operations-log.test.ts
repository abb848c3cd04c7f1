/**
 * Property 9 of the design: events of the operations room have one order, the
 * same for everyone who watches, without a gap and without a repeat.
 * Invariant: three watchers who lose their connections at random see exactly
 * what the log holds; what was recorded after another event has the greater
 * number; what a writer was told is recorded is there once.
 * Method: several services and HushRyd's backend record at once, on a cluster
 * of three NATS servers; meanwhile an edge and admin are killed, the log's
 * leader steps down, and the next one is killed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signIn } from '../testing/alerts.ts'
import { LogWatcher } from '../testing/log-watcher.ts'
import { NatsCluster } from '../testing/nats-cluster.ts'
import { readOperationsLog } from '../testing/operations-log.ts'

const STREAM = 'ADMIN'
const SERVICES = ['sos', 'maskcall', 'notify', 'docs']
const RECORD_EVERY_MS = 25
const DISCONNECT_EVERY_MS = 1_500
/** With fewer it has proved nothing. */
const EVENTS_MIN = 200
const PATIENCE_MS = 60_000
const AGAIN_MS = 200

let cluster: NatsCluster
let system: TestSystem

beforeAll(async () => {
  cluster = await NatsCluster.start()
  system = await startSystem({
    programs: ['admin', 'edge'],
    env: { NATS_URL: cluster.url, ADMIN_STREAM_REPLICAS: '3' },
  })
  await cluster.whole(STREAM)
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

type Record = (eventId: string) => Promise<void>

/** One that records an event after the other, each until it is told that it is recorded. */
class Writer {
  /** In the order in which they were recorded. */
  readonly recorded: string[] = []
  readonly #name: string
  readonly #record: Record

  constructor(name: string, record: Record) {
    this.#name = name
    this.#record = record
  }

  async recordOne(signal?: AbortSignal): Promise<string> {
    const eventId = `${this.#name}-${this.recorded.length}`
    while (!signal?.aborted) {
      try {
        await this.#record(eventId)
        this.recorded.push(eventId)
        break
      } catch {
        // It may be there all the same: the next try has the same id.
        await sleep(AGAIN_MS)
      }
    }
    return eventId
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.recordOne(signal)
      await sleep(RECORD_EVERY_MS)
    }
  }
}

async function serviceWriter(name: string, stack: AsyncDisposableStack): Promise<Writer> {
  const { log } = createMemoryLog()
  const metrics = createMetrics('test')
  const nats = stack.use(await connectNats({ url: cluster.url, name, log, metrics }))
  const eventLog = createEventLog(stack.use(createJetStreamPublisher(nats, { log, metrics })), {
    source: name,
  })
  return new Writer(name, (eventId) =>
    eventLog.record({ eventId, type: `${name}.happened`, severity: Severity.INFO }),
  )
}

/** By REST, on whichever edge answers. */
function backendWriter(): Writer {
  let turn = 0
  return new Writer('backend', async (eventId) => {
    turn += 1
    const response = await fetch(`${system.edgeUrls[turn % system.edgeUrls.length]}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.serviceKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ eventId, type: 'booking.created' }),
    })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  })
}

test('Property 9: three watchers on different edges see one order, without gap or repeat, whatever dies meanwhile', {
  timeout: 240_000,
}, async () => {
  await using stack = new AsyncDisposableStack()
  const writers = await Promise.all(SERVICES.map((name) => serviceWriter(name, stack)))
  const marker = backendWriter()
  const everyone = [...writers, marker]
  const [first = marker] = writers
  await first.recordOne()

  const [one = '', two = ''] = system.edgeUrls
  const token = (name: string): Promise<string> => signIn(system, name, 'admin')
  const watchers = [
    new LogWatcher({ edgeUrls: [one, two], token: await token('op-1'), transport: 'socket' }),
    new LogWatcher({ edgeUrls: [two, one], token: await token('op-2'), transport: 'sse' }),
    new LogWatcher({ edgeUrls: [two, one], token: await token('op-3'), transport: 'socket' }),
  ]
  for (const watcher of watchers) stack.use(watcher)
  const stopping = new AbortController()
  const writing = Promise.all(writers.map((writer) => writer.run(stopping.signal)))
  const disconnecting = Promise.all(
    watchers.map(async (watcher) => {
      while (!stopping.signal.aborted) {
        await sleep(DISCONNECT_EVERY_MS * (0.5 + Math.random()))
        watcher.disconnect()
      }
    }),
  )

  /** What is recorded from here on reaches everyone. */
  async function expectAllBack(): Promise<void> {
    const eventId = await marker.recordOne()
    await until(() => watchers.every(({ seen }) => seen.some((event) => event.eventId === eventId)), {
      timeoutMs: PATIENCE_MS,
      what: `${eventId} at every watcher`,
    })
  }
  await expectAllBack()

  await system.process('edge-1').kill('SIGKILL')
  await expectAllBack()
  await system.process('edge-1').restart()
  await expectAllBack()

  await system.process('admin').kill('SIGKILL')
  await first.recordOne()
  await system.process('admin').restart()
  await expectAllBack()

  await cluster.changeLeader(STREAM)
  await expectAllBack()
  const startAgain = await cluster.killLeader(STREAM)
  await expectAllBack()
  await startAgain()
  await expectAllBack()

  stopping.abort()
  await Promise.all([writing, disconnecting])
  await expectAllBack()

  const log = await readOperationsLog(system)
  const order = new Map(log.map(({ eventId }, index) => [eventId, index]))
  expect(order.size).toBe(log.length)
  expect(log.length).toBeGreaterThan(EVENTS_MIN)
  for (const { recorded } of everyone) {
    expect(recorded.filter((eventId) => !order.has(eventId))).toEqual([])
    const places = recorded.map((eventId) => order.get(eventId) ?? 0)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  }
  for (const { seen, faults, connections } of watchers) {
    expect(faults).toEqual([])
    expect(connections).toBeGreaterThan(1)
    const begin = order.get(seen[0]?.eventId ?? '') ?? Number.NaN
    const end = order.get(seen.at(-1)?.eventId ?? '') ?? Number.NaN
    expect(seen.map(({ eventId }) => eventId)).toEqual(
      log.slice(begin, end + 1).map(({ eventId }) => eventId),
    )
    expect(seen.map(({ sequence }) => sequence)).toEqual(
      seen.map((_, index) => (seen[0]?.sequence ?? 0) + index),
    )
  }
})
