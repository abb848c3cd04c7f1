/**
 * Invariant: publish() resolves only for what JetStream has stored, and every
 * other message is reported as failed within the time-out. Method: a stream
 * on the real server, a faulty proxy before it.
 */
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ErrorReason } from '../error.ts'
import { createMetrics } from '../metrics.ts'
import { until } from '../testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '../testing/faulty-proxy.ts'
import { createMemoryLog } from '../testing/memory-log.ts'
import { testUrl } from '../testing/store-urls.ts'
import { startTraceCollector } from '../testing/trace-collector.ts'
import { uniquePrefix } from '../testing/unique.ts'
import { startTraceExport } from '../trace-export.ts'
import { TRACEPARENT, traced } from '../tracing.ts'
import { ensureConsumer, ensureStream, redeliverAfter } from './jetstream.ts'
import {
  createJetStreamPublisher,
  type JetStreamMessage,
  type JetStreamPublisher,
  type JetStreamPublisherOptions,
} from './jetstream-publisher.ts'
import { connectNats, type NatsLink } from './nats.ts'

const prefix = uniquePrefix()
const STREAM = `${prefix}STREAM`
const UNAVAILABLE = { reason: ErrorReason.ERROR_REASON_UNAVAILABLE, metadata: { store: 'nats' } }
const { log } = createMemoryLog()
const data = Buffer.from('data')
let admin: NatsLink

beforeAll(async () => {
  admin = await connectNats({
    url: testUrl('TEST_NATS_URL'),
    name: 'admin',
    log,
    metrics: createMetrics('admin'),
  })
  await ensureStream(admin, { name: STREAM, subjects: [`${prefix}.kept.>`], max_msg_size: 1000 })
})

afterAll(async () => {
  await (await jetstreamManager(await admin.connected())).streams.delete(STREAM)
  await admin.close()
})

async function storedCount(subject: string): Promise<number> {
  const manager = await jetstreamManager(await admin.connected())
  const { state } = await manager.streams.info(STREAM, { subjects_filter: subject })
  return state.subjects?.[subject] ?? 0
}

interface Fixture extends AsyncDisposable {
  readonly proxy: FaultyProxy
  readonly link: NatsLink
  readonly publisher: JetStreamPublisher
  outcome(name: string): Promise<number>
}

async function open(options: Partial<JetStreamPublisherOptions> = {}): Promise<Fixture> {
  const proxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  const metrics = createMetrics('test')
  const link = await connectNats({ url: proxy.url('nats'), name: 'test', log, metrics })
  const publisher = createJetStreamPublisher(link, { log, metrics, ...options })
  return {
    proxy,
    link,
    publisher,
    async outcome(name) {
      const pattern = new RegExp(`hushryd_jetstream_published_total\\{outcome="${name}"[^}]*\\} (\\d+)`)
      return Number(pattern.exec(await metrics.render())?.[1] ?? 0)
    },
    async [Symbol.asyncDispose]() {
      publisher[Symbol.dispose]()
      await link.close()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

test('a message carries the trace that it belongs to, given or that of the work that publishes it', async () => {
  await using collector = await startTraceCollector()
  await using _traces = startTraceExport({ endpoint: collector.endpoint, ratio: 1, service: 'test' })
  await using fixture = await open()
  const { publisher } = fixture
  const subject = `${prefix}.kept.traced`
  const received: string[] = []
  const subscription = admin.subscribe(subject, ({ headers }) => {
    received.push(headers?.get(TRACEPARENT).slice(0, 35) ?? '')
  })
  const given = `00-${'a'.repeat(32)}`
  await until(() => admin.isConnected && fixture.link.isConnected)
  await (await admin.connected()).flush()
  await publisher.publish(subject, data, { traceparent: `${given}-${'b'.repeat(16)}-01` })
  const own = await traced('work', { root: 'sampled' }, async (span) => {
    await publisher.publish(subject, data, { msgId: `${prefix}-traced` })
    return `00-${span?.traceId}`
  })
  await publisher.publish(subject, data)
  await until(() => received.length === 3, { timeoutMs: 30_000 })
  subscription.close()
  expect(received).toEqual([given, own, ''])
})

test('each publish resolves once its message is stored, many at a time', async () => {
  await using fixture = await open()
  const subject = `${prefix}.kept.many`
  await Promise.all(Array.from({ length: 2000 }, () => fixture.publisher.publish(subject, data)))
  expect(await storedCount(subject)).toBe(2000)
  expect(fixture.publisher.inFlight).toBe(0)
  expect(await fixture.outcome('stored')).toBe(2000)
})

test('a message with an id that is published again is stored once', async () => {
  await using fixture = await open()
  const subject = `${prefix}.kept.once`
  for (let time = 0; time < 3; time += 1)
    await fixture.publisher.publish(subject, data, { msgId: `${prefix}1` })
  expect(await storedCount(subject)).toBe(1)
})

test('a subject without a stream, and a message that the stream refuses, are failures', async () => {
  await using fixture = await open()
  await expect(fixture.publisher.publish(`${prefix}.nowhere`, data)).rejects.toMatchObject(UNAVAILABLE)
  const large = Buffer.alloc(2000)
  await expect(fixture.publisher.publish(`${prefix}.kept.large`, large)).rejects.toMatchObject(UNAVAILABLE)
  expect(await fixture.outcome('refused')).toBe(2)
})

test('no acknowledgement in time is a failure, and a late one is no harm', async () => {
  await using fixture = await open({ ackTimeoutMs: 100 })
  const subject = `${prefix}.kept.late`
  fixture.proxy.stall()
  await expect(fixture.publisher.publish(subject, data)).rejects.toMatchObject(UNAVAILABLE)
  expect(await fixture.outcome('timeout')).toBe(1)
  fixture.proxy.heal()
  await until(async () => (await storedCount(subject)) === 1)
  await fixture.publisher.publish(subject, data)
})

test('what waits when the connection is lost fails at once, and so does what comes while NATS is away', async () => {
  await using fixture = await open({ ackTimeoutMs: 60_000 })
  const { publisher, proxy, link } = fixture
  proxy.stall()
  const waiting = [1, 2, 3].map(() => publisher.publish(`${prefix}.kept.lost`, data))
  const outcomes = Promise.allSettled(waiting)
  expect(publisher.inFlight).toBe(3)
  proxy.cut()
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: UNAVAILABLE })
  }
  await expect(publisher.publish(`${prefix}.kept.away`, data)).rejects.toMatchObject(UNAVAILABLE)
  expect(await fixture.outcome('disconnected')).toBe(4)
  proxy.heal()
  await until(() => link.isConnected)
  await publisher.publish(`${prefix}.kept.back`, data)
})

test('past the most that may wait, a publish is refused instead of queued', async () => {
  await using fixture = await open({ inFlightMax: 2 })
  const { publisher, proxy } = fixture
  proxy.stall()
  const waiting = [1, 2].map(() => publisher.publish(`${prefix}.kept.full`, data))
  await expect(publisher.publish(`${prefix}.kept.full`, data)).rejects.toMatchObject(UNAVAILABLE)
  expect(await fixture.outcome('full')).toBe(1)
  proxy.heal()
  await Promise.all(waiting)
})

function messagesOf(subject: string, ids: readonly string[]): JetStreamMessage[] {
  return ids.map((id) => ({ subject, data, msgId: `${prefix}${id}` }))
}

const asTheyAre = (message: JetStreamMessage): JetStreamMessage => message

test('messages that are published together are stored once each, also where some are repeats', async () => {
  await using fixture = await open()
  const { publisher } = fixture
  const subject = `${prefix}.kept.together`
  const ids = Array.from({ length: 2000 }, (_, index) => `together-${index}`)
  const batches = [
    publisher.publishAll(messagesOf(subject, ids), asTheyAre),
    publisher.publishAll(messagesOf(subject, [...ids.slice(0, 500), 'together-new']), asTheyAre),
  ]
  for (const batch of batches) await batch.ended
  for (const batch of batches) expect(batch.kept()).not.toContain(false)
  expect(await storedCount(subject)).toBe(2001)
  expect(publisher.inFlight).toBe(0)
  expect(await fixture.outcome('stored')).toBe(2501)
})

test('one of many that is not encoded, refused or without a stream fails alone', async () => {
  await using fixture = await open()
  const { publisher } = fixture
  const subject = `${prefix}.kept.mixed`
  const messages = messagesOf(subject, ['mixed-1', 'mixed-2', 'mixed-3', 'mixed-4', 'mixed-5'])
  const batch = publisher.publishAll([...messages.keys()], (place) => {
    const message = messages[place]
    if (message === undefined || place === 0) throw new Error('cannot be encoded')
    if (place === 1) return { ...message, msgId: 'no\r\nheader' }
    if (place === 2) return { ...message, data: Buffer.alloc(2000) }
    if (place === 3) return { ...message, subject: `${prefix}.nowhere` }
    return message
  })
  await batch.ended
  expect(batch.kept()).toEqual([false, false, false, false, true])
  expect(await storedCount(subject)).toBe(1)
  expect(await fixture.outcome('refused')).toBe(2)
  expect(publisher.inFlight).toBe(0)
})

test('many without an acknowledgement fail when their time is over, and at once when the connection is lost', async () => {
  await using late = await open({ ackTimeoutMs: 100 })
  late.proxy.stall()
  const slow = late.publisher.publishAll(messagesOf(`${prefix}.kept.slow`, ['slow-1', 'slow-2']), asTheyAre)
  await slow.ended
  expect(slow.kept()).toEqual([false, false])
  expect(await late.outcome('timeout')).toBe(2)

  await using cut = await open({ ackTimeoutMs: 60_000 })
  cut.proxy.stall()
  const lost = cut.publisher.publishAll(messagesOf(`${prefix}.kept.cut`, ['cut-1', 'cut-2']), asTheyAre)
  expect(cut.publisher.inFlight).toBe(2)
  cut.proxy.cut()
  await lost.ended
  expect(lost.kept()).toEqual([false, false])
  const away = cut.publisher.publishAll(messagesOf(`${prefix}.kept.cut`, ['cut-3']), asTheyAre)
  await away.ended
  expect(away.kept()).toEqual([false])
  expect(await cut.outcome('disconnected')).toBe(3)
  expect(cut.publisher.inFlight).toBe(0)
  cut.proxy.heal()
  await until(() => cut.link.isConnected)
  const back = cut.publisher.publishAll(messagesOf(`${prefix}.kept.cut`, ['cut-4']), asTheyAre)
  await back.ended
  expect(back.kept()).toEqual([true])
})

test('of many only those are published that find room', async () => {
  await using fixture = await open({ inFlightMax: 2 })
  const { publisher, proxy } = fixture
  proxy.stall()
  const ids = ['room-1', 'room-2', 'room-3']
  const batch = publisher.publishAll(messagesOf(`${prefix}.kept.room`, ids), asTheyAre)
  await expect(publisher.publish(`${prefix}.kept.room`, data)).rejects.toMatchObject(UNAVAILABLE)
  expect(await fixture.outcome('full')).toBe(2)
  proxy.heal()
  await batch.ended
  expect(batch.kept()).toEqual([true, true, false])
})

test('a stream is created once and brought to its newest description, also by several at once', async () => {
  const spec = { name: `${prefix}OTHER`, subjects: [`${prefix}.other`] }
  await Promise.all([1, 2, 3].map(() => ensureStream(admin, spec)))
  await ensureStream(admin, { ...spec, max_msgs: 5 })
  const manager = await jetstreamManager(await admin.connected())
  expect((await manager.streams.info(spec.name)).config.max_msgs).toBe(5)
  await manager.streams.delete(spec.name)
})

test('a durable consumer of an earlier release is brought to its newest description, and goes on where it was', async () => {
  const subject = `${prefix}.kept.durable`
  const spec = { durable_name: `${prefix}durable`, filter_subject: subject, ack_policy: AckPolicy.Explicit }
  await using fixture = await open()
  for (const text of ['one', 'two']) await fixture.publisher.publish(subject, Buffer.from(text))
  const before = await ensureConsumer(admin, STREAM, { ...spec, max_ack_pending: 10 })
  const first = await before.next()
  await first?.ackAck()
  const after = await ensureConsumer(admin, STREAM, { ...spec, max_ack_pending: 20 })
  expect((await after.info()).config.max_ack_pending).toBe(20)
  expect((await after.next())?.string()).toBe('two')
})

test('a message that is given back comes again after its time, also where that is no whole number', async () => {
  await using fixture = await open()
  const { link, publisher } = fixture
  const subject = `${prefix}.kept.again`
  const afterMs = 700.123_456_7
  await publisher.publish(subject, data)
  const consumer = await ensureConsumer(link, STREAM, {
    durable_name: `${prefix}again`,
    filter_subject: subject,
    ack_policy: AckPolicy.Explicit,
  })
  const first = await consumer.next()
  if (first === null) throw new Error('the message did not come')
  const givenBackMs = performance.now()
  redeliverAfter(first, afterMs)
  const second = await consumer.next()
  expect(performance.now() - givenBackMs).toBeGreaterThan(afterMs / 2)
  expect(second?.info.deliveryCount).toBe(2)
  second?.ack()
})
