import { expect, test } from 'vitest'
import { createMetrics, type MetricSpec } from './metrics.ts'
import { startOpsServer } from './ops-server.ts'

const SENT = { name: 'test_sent_total', help: 'h', labels: { outcome: ['ok', 'late'] } } satisfies MetricSpec

test('a label value outside of its set counts as other', async () => {
  const metrics = createMetrics('test')
  metrics.counter(SENT).inc({ outcome: 'ok' }, 2)
  metrics.counter(SENT).bind({ outcome: 'late' }).inc()
  metrics.counter(SENT as MetricSpec).inc({ outcome: 'user-nobody' })
  const text = await metrics.render()
  expect(text).toContain('test_sent_total{outcome="ok",app="test"} 2')
  expect(text).toContain('test_sent_total{outcome="late",app="test"} 1')
  expect(text).toContain('test_sent_total{outcome="other",app="test"} 1')
  expect(text).not.toContain('nobody')
})

test('a counter and a histogram are there with 0 for each of their labels, so that the first event is seen', async () => {
  const metrics = createMetrics('test')
  metrics.counter(SENT)
  metrics.histogram({ name: 'test_leg_seconds', help: 'h', labels: { leg: ['stream', 'admin'] } })
  metrics.counter({ name: 'test_many_total', help: 'h', labels: { n: Array.from({ length: 101 }, String) } })
  const text = await metrics.render()
  expect(text).toContain('test_sent_total{outcome="ok",app="test"} 0')
  expect(text).toContain('test_leg_seconds_count{app="test",leg="admin"} 0')
  expect(text).not.toMatch(/test_many_total\{/)
})

test('a gauge with a reader is read when it is scraped, and histograms have a bucket at both promises', async () => {
  const metrics = createMetrics('test')
  let size = 1
  metrics.gauge({ name: 'test_size', help: 'h' }, () => size)
  metrics.histogram({ name: 'test_seconds', help: 'h' }).observe({}, 0.09)
  size = 7
  const text = await metrics.render()
  expect(text).toContain('test_size{app="test"} 7')
  expect(text).toContain('test_seconds_bucket{le="0.1",app="test"} 1')
  expect(text).toContain('test_seconds_bucket{le="0.5",app="test"} 1')
})

test('the operations port tells health, readiness with what is missing, and metrics', async () => {
  const metrics = createMetrics('test')
  let checks: Record<string, string> = { redis: 'ok', nats: 'away' }
  const ready = async () => checks
  await using ops = await startOpsServer({ host: '127.0.0.1', port: 0, metrics, ready })
  const get = async (path: string) => await fetch(`http://127.0.0.1:${ops.port}${path}`)
  expect((await get('/healthz')).status).toBe(200)
  const waiting = await get('/readyz')
  expect([waiting.status, await waiting.json()]).toEqual([503, { ready: false, checks }])
  checks = { redis: 'ok', nats: 'ok' }
  expect((await get('/readyz')).status).toBe(200)
  expect(await (await get('/metrics')).text()).toContain('process_cpu_seconds_total')
  expect((await get('/other')).status).toBe(404)
})

test('a readiness check that throws is an answer too', async () => {
  const ready = async () => {
    throw new Error('no idea')
  }
  await using ops = await startOpsServer({
    host: '127.0.0.1',
    port: 0,
    metrics: createMetrics('test'),
    ready,
  })
  const response = await fetch(`http://127.0.0.1:${ops.port}/readyz`)
  expect([response.status, await response.json()]).toEqual([
    503,
    { ready: false, checks: { readiness: 'no idea' } },
  ])
})
