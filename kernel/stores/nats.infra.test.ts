/**
 * Invariant: a link outlives NATS. Method: a faulty proxy between the link and
 * the server; what is published meanwhile is dropped and counted, what is
 * subscribed comes back by itself.
 */
import { connect } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { ErrorReason } from '../error.ts'
import { createMetrics } from '../metrics.ts'
import { until } from '../testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '../testing/faulty-proxy.ts'
import { createMemoryLog } from '../testing/memory-log.ts'
import { testUrl } from '../testing/store-urls.ts'
import { uniquePrefix } from '../testing/unique.ts'
import { connectNats, type NatsLink, subjectToken } from './nats.ts'

const prefix = uniquePrefix()

interface Fixture extends AsyncDisposable {
  readonly proxy: FaultyProxy
  readonly link: NatsLink
  readonly messages: () => unknown[]
  metric(name: string): Promise<number>
}

async function open({ isCutAtFirst = false } = {}): Promise<Fixture> {
  const proxy = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  if (isCutAtFirst) proxy.cut()
  const { log, records } = createMemoryLog()
  const metrics = createMetrics('test')
  const link = await connectNats({ url: proxy.url('nats'), name: 'test', log, metrics, firstWaitMs: 200 })
  return {
    proxy,
    link,
    messages: () => records().map(({ msg }) => msg),
    async metric(name) {
      const line = (await metrics.render()).split('\n').find((text) => text.startsWith(name))
      return Number(line?.split(' ').at(-1))
    },
    async [Symbol.asyncDispose]() {
      await link.close()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

/** A client of its own, past the proxy. */
async function outside() {
  const connection = await connect({ servers: testUrl('TEST_NATS_URL') })
  onTestFinished(() => connection.close())
  return connection
}

test('subscriptions come back after NATS was away, and what was published meanwhile is dropped, not kept', async () => {
  await using fixture = await open()
  const { link, proxy } = fixture
  const other = await outside()
  const seen: string[] = []
  const out: string[] = []
  other.subscribe(`${prefix}.out`, { callback: (_error, message) => void out.push(message.string()) })
  link.subscribe(`${prefix}.in`, (message) => void seen.push(message.string()))
  let isDown = 0
  let isUp = 0
  link.onDisconnected(() => {
    isDown += 1
  })
  link.onConnected(() => {
    isUp += 1
  })
  await until(() => {
    other.publish(`${prefix}.in`, 'one')
    return seen.includes('one')
  })

  proxy.cut()
  await until(() => !link.isConnected)
  expect(link.publish(`${prefix}.out`, Buffer.from('lost'))).toBe(false)
  expect(link.check()).toBe('away')
  expect(await fixture.metric('hushryd_nats_dropped_total')).toBe(1)
  expect(await fixture.metric('hushryd_nats_connected')).toBe(0)

  proxy.heal()
  await until(() => link.isConnected)
  expect([isDown, isUp]).toEqual([1, 1])
  await until(() => {
    other.publish(`${prefix}.in`, 'two')
    return seen.includes('two')
  })
  expect(link.publish(`${prefix}.out`, Buffer.from('kept'))).toBe(true)
  await until(() => out.length > 0)
  expect(out).toEqual(['kept'])
  expect(await fixture.metric('hushryd_nats_reconnects_total')).toBe(1)
  expect(fixture.messages()).toEqual(expect.arrayContaining(['NATS is away', 'NATS is back']))
})

test('a process starts without NATS, and is connected and subscribed as soon as NATS is there', async () => {
  await using fixture = await open({ isCutAtFirst: true })
  const { link, proxy } = fixture
  expect(link.isConnected).toBe(false)
  expect(fixture.messages()).toContain('NATS is away at the start; trying on')
  const seen: string[] = []
  link.subscribe(`${prefix}.early`, (message) => void seen.push(message.string()))
  const connected = link.connected()
  proxy.heal()
  await connected
  const other = await outside()
  await until(() => {
    other.publish(`${prefix}.early`, 'here')
    return seen.includes('here')
  })
})

test('waiting for a connection ends with the signal, and with the link', async () => {
  await using fixture = await open({ isCutAtFirst: true })
  const given = new AbortController()
  const first = fixture.link.connected(given.signal)
  given.abort()
  await expect(first).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
  const second = fixture.link.connected()
  await Promise.all([
    expect(second).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE }),
    fixture.link.close(),
  ])
})

test('a closed subscription hears nothing, also after a reconnect', async () => {
  await using fixture = await open()
  const { link, proxy } = fixture
  const other = await outside()
  const seen: string[] = []
  const closed = link.subscribe(`${prefix}.closed`, (message) => void seen.push(message.string()))
  closed.close()
  proxy.reset()
  await until(async () => (await fixture.metric('hushryd_nats_reconnects_total')) === 1)
  const still: string[] = []
  link.subscribe(`${prefix}.still`, (message) => void still.push(message.string()))
  await until(() => {
    other.publish(`${prefix}.closed`, 'x')
    other.publish(`${prefix}.still`, 'x')
    return still.length > 0
  })
  expect(seen).toEqual([])
})

test('a message that its listener cannot take keeps no other from coming', async () => {
  await using fixture = await open()
  const other = await outside()
  const seen: string[] = []
  fixture.link.subscribe(`${prefix}.odd`, (message) => {
    if (message.string() === 'odd') throw new Error('this is no message of ours')
    seen.push(message.string())
  })
  await until(() => {
    other.publish(`${prefix}.odd`, 'ready')
    return seen.includes('ready')
  })
  other.publish(`${prefix}.odd`, 'odd')
  other.publish(`${prefix}.odd`, 'next')
  await until(() => seen.includes('next'))
  expect(fixture.messages()).toContain('a NATS message could not be taken')
  expect(await fixture.metric('hushryd_nats_reconnects_total')).toBe(0)
})

test('closing sends what was published just before, and does not hang on a server that says nothing', async () => {
  const other = await outside()
  const out: string[] = []
  other.subscribe(`${prefix}.last`, { callback: (_error, message) => void out.push(message.string()) })
  await other.flush()
  const fixture = await open()
  fixture.link.publish(`${prefix}.last`, Buffer.from('goodbye'))
  await fixture[Symbol.asyncDispose]()
  await until(() => out.includes('goodbye'))

  await using mute = await open()
  mute.proxy.stall()
  const startMs = performance.now()
  await mute.link.close()
  expect(performance.now() - startMs).toBeLessThan(5000)
})

test('an id is one token of a subject, and two ids never share one', () => {
  expect(subjectToken('trip-1_a')).toBe('trip-1_a')
  expect(subjectToken('a.b')).toBe('a=2Eb')
  expect(subjectToken('a=2Eb')).toBe('a=3D2Eb')
  expect(subjectToken('*>')).toBe('=2A=3E')
})
