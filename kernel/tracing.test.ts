/** Traces against a collector in this process, over real connections. */
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import fc from 'fast-check'
import { Metadata } from 'nice-grpc-common'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DomainError, ErrorReason } from './error.ts'
import { createMetrics } from './metrics.ts'
import { peerCredential } from './rpc/caller.ts'
import { createRpcClient, openRpcChannel } from './rpc/client.ts'
import { PEER_KEY, startTestRpc } from './testing/rpc-services.ts'
import { startTraceCollector, type TraceCollector } from './testing/trace-collector.ts'
import { startTraceExport, type TraceExport } from './trace-export.ts'
import { serviceNameOf } from './trace-settings.ts'
import { activeTraceparent, isTracing, outsideSpans, startSpan, TRACEPARENT, traced } from './tracing.ts'

let collector: TraceCollector
let traces: TraceExport

beforeEach(async () => {
  collector = await startTraceCollector()
  traces = startTraceExport({ endpoint: collector.endpoint, ratio: 0, service: 'test' })
})
afterEach(async () => {
  rpcOf.current = undefined
  await traces[Symbol.asyncDispose]()
  await collector[Symbol.asyncDispose]()
})

async function collect() {
  await traces.flush()
  return collector.spans
}

const GET_TRIP = 'hushryd.directory.v1.DirectoryService/GetTrip'
const GET_USER = 'hushryd.directory.v1.DirectoryService/GetUser'

/** A trip whose answer needs a second call; the second one fails. */
function startServices() {
  return startTestRpc({
    async getTrip({ tripId }) {
      await rpcOf.current?.directory.getUser({ userId: 'asha' }).catch(() => undefined)
      return { tripId }
    },
    async getUser() {
      throw new DomainError(ErrorReason.ERROR_REASON_USER_NOT_FOUND, 'No user has +919876543210.')
    },
  })
}
const rpcOf: { current: Awaited<ReturnType<typeof startTestRpc>> | undefined } = { current: undefined }

test('one trace from the first call to the last, each span below the one that caused it', async () => {
  await using rpc = await startServices()
  rpcOf.current = rpc
  await traced('frame', { kind: 'server', root: 'urgent' }, () => rpc.directory.getTrip({ tripId: 't1' }))
  const spans = await collect()
  const path: string[] = []
  for (let at = spans.find(({ parentId }) => parentId === ''); at !== undefined; ) {
    path.push(at.name)
    const { spanId } = at
    at = spans.find(({ parentId }) => parentId === spanId)
  }
  expect(path).toEqual(['frame', GET_TRIP, GET_TRIP, GET_USER, GET_USER])
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect(spans.every(({ service }) => service === 'test')).toBe(true)
  expect(rpc.log.records().find(({ method }) => method === `/${GET_TRIP}`)).toMatchObject({
    traceId: spans[0]?.traceId,
  })
})

test('a span tells the reason of a failure and nothing that somebody wrote; numbers in attributes are masked', async () => {
  await using rpc = await startServices()
  rpcOf.current = rpc
  await traced('frame', { root: 'urgent', attributes: { 'hushryd.alert_id': '+919876543210' } }, () =>
    rpc.directory.getTrip({ tripId: 't1' }),
  )
  const spans = await collect()
  const failed = spans.filter(({ isFailure }) => isFailure)
  expect(failed.map(({ name }) => name)).toEqual([GET_USER, GET_USER])
  expect(failed.map(({ attributes }) => attributes['error.type'])).toEqual([
    'USER_NOT_FOUND',
    'USER_NOT_FOUND',
  ])
  const text = JSON.stringify(spans)
  expect(text).toContain('+91******3210')
  expect(text).not.toMatch(/9876543210|asha|No user/)
})

test('what strangers send as a trace is not followed', async () => {
  await using rpc = await startServices()
  const stranger = openRpcChannel({ address: rpc.address, peer: peerCredential('edge', undefined) })
  const client = createRpcClient(DirectoryServiceDefinition, stranger, { timeoutMs: 5000 })
  const metadata = new Metadata({ [TRACEPARENT]: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` })
  await expect(client.getTrip({ tripId: 't1' }, { metadata })).rejects.toThrow()
  stranger.close()
  const known = openRpcChannel({ address: rpc.address, peer: peerCredential('edge', PEER_KEY) })
  await createRpcClient(DirectoryServiceDefinition, known, { timeoutMs: 5000 }).getTrip(
    { tripId: 't1' },
    { metadata },
  )
  known.close()
  expect((await collect()).map(({ name, traceId }) => [name, traceId])).toEqual([[GET_TRIP, 'a'.repeat(32)]])
})

test('whether a request is traced is decided where it comes in: by the ratio, or always, but for a flood', async () => {
  expect(startSpan('no parent')).toBeUndefined()
  expect(startSpan('ratio 0', { root: 'sampled' })).toBeUndefined()
  const parent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}`
  expect(startSpan('not sampled', { parent: `${parent}-00` })).toBeUndefined()
  expect(startSpan('sampled', { parent: `${parent}-01` })?.traceId).toBe('a'.repeat(32))
  const flood = Array.from({ length: 10_000 }, () => startSpan('alert', { root: 'urgent' }))
  const taken = flood.filter((span) => span !== undefined).length
  // How many are left of this second, and of those that begin meanwhile.
  expect(taken).toBeLessThan(5_000)
})

test('work for many that one has begun is not part of that one’s trace', async () => {
  const inside = await traced(
    'x',
    { root: 'sampled', parent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    async () => {
      const outside = outsideSpans(async () => startSpan('batch'))
      return [startSpan('own')?.traceId, await outside]
    },
  )
  expect(inside).toEqual(['a'.repeat(32), undefined])
})

test('for any text in place of a trace, there is no span and no error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', '1', 'f', '-') })), (parent) => {
      fc.pre(!/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-/.test(parent))
      expect(startSpan('x', { parent })).toBeUndefined()
    }),
  )
})

test('while traces are on, histograms name one for each bucket', async () => {
  const metrics = createMetrics('test')
  const answers = metrics.histogram({ name: 'test_answer_seconds', help: 'h', labels: { way: ['lane'] } })
  metrics.counter({ name: 'test_sent_total', help: 'h' }).inc({})
  answers.bind({ way: 'lane' }).observe(0.3, 'a'.repeat(32))
  answers.observe({ way: 'lane' }, 0.9)
  const text = await metrics.render()
  const bucket = (le: string) => text.split('\n').find((line) => line.includes(`le="${le}"`)) ?? ''
  expect(bucket('0.4')).toContain(`1 # {trace_id="${'a'.repeat(32)}"} 0.3`)
  expect(bucket('1')).not.toContain('trace_id')
  expect(text).toContain('test_sent_total{app="test"} 1')
  expect(text.trimEnd().endsWith('# EOF')).toBe(true)
})

test('off, work is just done, and nothing is handed on', async () => {
  await traces[Symbol.asyncDispose]()
  expect(isTracing()).toBe(false)
  const seen = await traced('x', { root: 'urgent' }, async (span) => [span, activeTraceparent()])
  expect(seen).toEqual([undefined, undefined])
  expect(await createMetrics('test').render()).not.toContain('# EOF')
})

test('a collector that is away holds nobody up', async () => {
  await collector[Symbol.asyncDispose]()
  expect(await traced('x', { root: 'urgent' }, async () => 'done')).toBe('done')
  await traces.flush()
})

test('a process is named after its folder', () => {
  expect(serviceNameOf('/app/services/sos/main.ts')).toBe('sos')
  expect(serviceNameOf('/app/services/location/history-main.ts')).toBe('location-history')
  expect(serviceNameOf('/app/edge/main.ts')).toBe('edge')
})
