/** The server and client of the kernel against each other, over real connections. */
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { createChannel, createClient } from 'nice-grpc'
import { ClientError, Status } from 'nice-grpc-common'
import { HealthDefinition } from 'nice-grpc-server-health'
import { ServerReflectionService } from 'nice-grpc-server-reflection'
import { ServerReflectionRequest } from 'nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js'
import { expect, test } from 'vitest'
import { DomainError, ErrorReason } from '../error.ts'
import { ERROR_TABLE, errorOf } from '../error-table.ts'
import { until } from '../testing/await-until.ts'
import { PEER_KEY, startTestRpc } from '../testing/rpc-services.ts'
import { callerMetadata, peerCredential } from './caller.ts'
import { createRpcClient, openRpcChannel } from './client.ts'

const NAMES = Object.values(ERROR_TABLE)

test('every reason arrives with its status, message, metadata, retry time and violations', async () => {
  await using rpc = await startTestRpc({
    async getTrip({ tripId }) {
      const reason = Number(tripId.slice(1)) as ErrorReason
      throw new DomainError(reason, `why ${tripId}`, {
        metadata: { tripId },
        retryAfterMs: 1250,
        violations: [{ field: 'a.b[0]', description: 'is wrong' }],
      })
    },
  })
  expect(NAMES).toHaveLength(Object.keys(ErrorReason).length)
  for (const reason of Object.values(ErrorReason)) {
    const error = await rpc.directory.getTrip({ tripId: `r${reason}` }).catch((caught: unknown) => caught)
    if (!(error instanceof DomainError)) throw new Error('no DomainError', { cause: error })
    expect(error.reason).toBe(reason)
    expect(error.metadata).toEqual({ tripId: `r${reason}` })
    expect(error.retryAfterMs).toBe(1250)
    expect(error.violations).toEqual([{ field: 'a.b[0]', description: 'is wrong' }])
    const { cause } = error
    if (!(cause instanceof ClientError)) throw new Error('no ClientError beneath', { cause })
    expect(Status[cause.code]).toBe(errorOf(reason).code)
    if (reason !== ErrorReason.ERROR_REASON_INTERNAL) expect(error.message).toBe(`why r${reason}`)
  }
})

test('an unexpected error reaches the caller as INTERNAL without its text, and the log once with it', async () => {
  await using rpc = await startTestRpc({
    async getTrip() {
      throw new Error('secret plans')
    },
  })
  const error = await rpc.directory.getTrip({ tripId: 't1' }).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ reason: ErrorReason.ERROR_REASON_INTERNAL })
  expect(String(error)).not.toContain('secret plans')
  expect(rpc.log.lines.filter((line) => line.includes('secret plans'))).toHaveLength(1)
  expect(rpc.log.records().find(({ level }) => level === 'error')).toMatchObject({
    method: '/hushryd.directory.v1.DirectoryService/GetTrip',
    code: 'INTERNAL',
    reason: 'INTERNAL',
    tripId: 't1',
  })
})

test('a request that breaks the contract is refused with the paths of its fields', async () => {
  let calls = 0
  await using rpc = await startTestRpc({
    async putEmergencyContacts() {
      calls += 1
      return {}
    },
  })
  const contacts = [
    { name: 'A', phone: '1', relation: '', email: '' },
    { name: '', phone: '1', relation: '', email: 'no address' },
  ]
  await expect(rpc.directory.putEmergencyContacts({ userId: 'u 1', contacts })).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
    violations: [{ field: 'user_id' }, { field: 'contacts[1].name' }, { field: 'contacts[1].email' }],
  })
  expect(calls).toBe(0)
  await rpc.directory.putEmergencyContacts({ userId: 'u1', contacts: contacts.slice(0, 1) })
  expect(calls).toBe(1)
})

test('bytes that are no message are MALFORMED, not a fault of ours', async () => {
  await using rpc = await startTestRpc({})
  const raw = { ...DirectoryServiceDefinition.methods.getTrip, requestType: garbage }
  const definition = { ...DirectoryServiceDefinition, methods: { getTrip: raw } }
  const client = createRpcClient(definition, rpc.channel, { timeoutMs: 2000 })
  await expect(client.getTrip({ tripId: 't1' })).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_MALFORMED,
  })
})

/** Field 1 announces more bytes than there are. */
const garbage = {
  ...DirectoryServiceDefinition.methods.getTrip.requestType,
  encode: () => ({ finish: () => Uint8Array.of(0x0a, 0x7f, 0x01) }),
} as unknown as typeof DirectoryServiceDefinition.methods.getTrip.requestType

test('a call without identity, or with a wrong key, is UNAUTHENTICATED', async () => {
  await using rpc = await startTestRpc({})
  for (const credential of [
    peerCredential('edge', undefined),
    peerCredential('edge', 'not the key at all'),
  ]) {
    const channel = openRpcChannel({ address: rpc.address, peer: credential })
    const client = createRpcClient(DirectoryServiceDefinition, channel, { timeoutMs: 2000 })
    await expect(client.getTrip({ tripId: 't1' })).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_UNAUTHENTICATED,
    })
    channel.close()
  }
})

test('a person reaches the methods of its audience through the edge, and the handler knows who it is', async () => {
  await using rpc = await startTestRpc({
    async getEmergencyContacts(_request, { caller, requestId, peerName }) {
      return { version: 1, contacts: [{ name: JSON.stringify({ caller, requestId, peerName }) }] }
    },
  })
  const metadata = callerMetadata({ kind: 'user', userId: 'u1', role: 'driver', deviceId: 'd1' }, 'req-1')
  const { contacts } = await rpc.directory.getEmergencyContacts({ userId: 'u1' }, { metadata })
  expect(JSON.parse(contacts[0]?.name ?? '')).toEqual({
    caller: { kind: 'user', userId: 'u1', role: 'driver', deviceId: 'd1' },
    requestId: 'req-1',
    peerName: 'edge',
  })
  await expect(rpc.directory.getTrip({ tripId: 't1' }, { metadata })).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_FORBIDDEN,
  })
})

test('another process than the edge cannot speak for a person', async () => {
  await using rpc = await startTestRpc({
    async getEmergencyContacts(_request, { caller }) {
      return { contacts: [{ name: JSON.stringify(caller) }] }
    },
  })
  const channel = openRpcChannel({ address: rpc.address, peer: peerCredential('location', PEER_KEY) })
  const client = createRpcClient(DirectoryServiceDefinition, channel, { timeoutMs: 2000 })
  const metadata = callerMetadata({ kind: 'user', userId: 'u1', role: 'admin', deviceId: '' }, 'req-1')
  const { contacts } = await client.getEmergencyContacts({ userId: 'u1' }, { metadata })
  expect(JSON.parse(contacts[0]?.name ?? '')).toEqual({ kind: 'service', name: 'location' })
  channel.close()
})

test('the deadline travels to the handler, ends the call, and aborts the handler', async () => {
  const aborted = Promise.withResolvers<void>()
  let left: number | undefined
  await using rpc = await startTestRpc({
    async getTrip(_request, { deadlineMs, signal }) {
      left = (deadlineMs ?? 0) - Date.now()
      signal.addEventListener('abort', () => aborted.resolve())
      return await new Promise(() => undefined)
    },
  })
  const startMs = performance.now()
  await expect(rpc.directory.getTrip({ tripId: 't1' }, { timeoutMs: 200 })).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
  })
  expect(performance.now() - startMs).toBeLessThan(600)
  expect(left).toBeGreaterThan(50)
  expect(left).toBeLessThanOrEqual(195)
  await aborted.promise
})

test('a call without deadline has ten seconds', async () => {
  let left: number | undefined
  await using rpc = await startTestRpc({
    async getTrip(_request, { deadlineMs }) {
      left = (deadlineMs ?? 0) - Date.now()
      return {}
    },
  })
  const client = createRpcClient(DirectoryServiceDefinition, rpc.channel, {
    timeoutMs: Number.MAX_SAFE_INTEGER,
  })
  await expect(client.getTrip({ tripId: 't1' }, { timeoutMs: 3_600_000 })).resolves.toBeDefined()
  expect(left).toBeGreaterThan(3_000_000)
  const plain = createClient(DirectoryServiceDefinition, rpc.channel.channel(), {
    '*': { metadata: rpc.credential },
  })
  await plain.getTrip({ tripId: 't1' })
  expect(left).toBeGreaterThan(9000)
  expect(left).toBeLessThanOrEqual(10_000)
})

test('work whose deadline has passed is not begun', async () => {
  let calls = 0
  await using rpc = await startTestRpc({
    async getTrip() {
      calls += 1
      return {}
    },
  })
  await expect(rpc.directory.getTrip({ tripId: 't1' }, { deadlineMs: Date.now() - 1 })).rejects.toMatchObject(
    { reason: ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED },
  )
  await expect(rpc.directory.getTrip({ tripId: 't1' }, { timeoutMs: 3 })).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
  })
  expect(calls).toBe(0)
})

test('a caller that gives up gets CANCELLED, and the handler sees it', async () => {
  const begun = Promise.withResolvers<void>()
  const aborted = Promise.withResolvers<void>()
  await using rpc = await startTestRpc({
    async getTrip(_request, { signal }) {
      signal.addEventListener('abort', () => aborted.resolve())
      begun.resolve()
      return await new Promise(() => undefined)
    },
  })
  const controller = new AbortController()
  const call = rpc.directory.getTrip({ tripId: 't1' }, { signal: controller.signal })
  await begun.promise
  controller.abort()
  await expect(call).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_CANCELLED })
  await aborted.promise
})

test('a bidi stream carries batches both ways, and is logged when it opens and ends only', async () => {
  await using rpc = await startTestRpc(
    {},
    {
      async *connect(requests) {
        for await (const { seq } of requests) yield { ackedSeq: seq }
      },
    },
  )
  async function* batches() {
    for (let seq = 1; seq <= 100; seq += 1) yield { seq }
  }
  const acked: number[] = []
  for await (const { ackedSeq } of rpc.location.connect(batches())) acked.push(ackedSeq)
  expect(acked).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  const records = rpc.log.records().filter(({ method }) => String(method).endsWith('/Connect'))
  expect(records.map(({ msg }) => msg)).toEqual(['stream opened', 'stream ended'])
  expect(await rpc.metrics.render()).toContain(
    'hushryd_rpc_server_streams{service="hushryd.location.v1.LocationService"',
  )
})

test('an error in the middle of a stream arrives with its reason', async () => {
  await using rpc = await startTestRpc(
    {},
    {
      async *watchTrip() {
        yield {}
        throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'over')
      },
    },
  )
  const seen: unknown[] = []
  async function watch(): Promise<void> {
    for await (const update of rpc.location.watchTrip({ tripId: 't1' })) seen.push(update)
  }
  await expect(watch()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_TRIP_ENDED })
  expect(seen).toHaveLength(1)
})

test('a stopping server ends its streams at once with UNAVAILABLE and lets unary calls finish', async () => {
  const finish = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  await using rpc = await startTestRpc(
    {
      async getTrip() {
        begun.resolve()
        await finish.promise
        return { tripId: 'late' }
      },
    },
    {
      async *watchTrip(_request, { signal }) {
        yield {}
        const aborted = Promise.withResolvers<never>()
        signal.addEventListener('abort', () => aborted.reject(new DOMException('gone', 'AbortError')))
        await aborted.promise
      },
    },
  )
  const call = rpc.directory.getTrip({ tripId: 't1' })
  await begun.promise
  const watching = rpc.location.watchTrip({ tripId: 't1' })[Symbol.asyncIterator]()
  await watching.next()
  const stopped = rpc.server.stop(5000)
  await expect(watching.next()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
  finish.resolve()
  expect((await call).tripId).toBe('late')
  await stopped
})

test('a stream whose handler ignores the stop does not hold the server beyond the grace', async () => {
  await using rpc = await startTestRpc(
    {},
    {
      async *watchTrip() {
        yield {}
        await new Promise(() => undefined)
      },
    },
  )
  const watching = rpc.location.watchTrip({ tripId: 't1' })[Symbol.asyncIterator]()
  await watching.next()
  const startMs = performance.now()
  const ended = watching.next().catch((error: unknown) => error)
  await rpc.server.stop(200)
  expect(performance.now() - startMs).toBeLessThan(1500)
  expect(await ended).toBeInstanceOf(DomainError)
})

test('a unary call is one record: who is to blame shows in its level, what was asked does not show', async () => {
  await using rpc = await startTestRpc({
    async getTrip({ tripId }) {
      if (tripId === 'away') throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'away')
      if (tripId === 'none') throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'none')
      return {}
    },
  })
  const metadata = callerMetadata({ kind: 'service', name: 'edge' }, 'req-7')
  for (const tripId of ['good', 'none', 'away']) {
    await rpc.directory.getTrip({ tripId }, { metadata }).catch(() => undefined)
  }
  await rpc.directory.putUser({ userId: 'u1', name: 'Asha Rao', phone: '9876543210' }).catch(() => undefined)
  const calls = rpc.log.records().filter(({ msg }) => msg === 'call')
  expect(calls).toMatchObject([
    { level: 'info', code: 'OK', tripId: 'good', requestId: 'req-7', durationMs: expect.any(Number) },
    { level: 'info', code: 'NOT_FOUND', reason: 'TRIP_NOT_FOUND', tripId: 'none' },
    { level: 'warn', code: 'UNAVAILABLE', reason: 'UNAVAILABLE', tripId: 'away' },
    { code: 'UNIMPLEMENTED' },
  ])
  expect(rpc.log.lines.join('\n')).not.toMatch(/Asha|9876543210/)
})

test('each hop has less time than the one before, so that the answer still finds its way back', async () => {
  const leftMs: number[] = []
  await using inner = await startTestRpc({
    async getTrip(_request, { deadlineMs = 0 }) {
      leftMs.push(deadlineMs - Date.now())
      return {}
    },
  })
  await using outer = await startTestRpc({
    async getTrip({ tripId }, { deadlineMs = 0 }) {
      leftMs.push(deadlineMs - Date.now())
      return await inner.directory.getTrip({ tripId }, { deadlineMs })
    },
  })
  await outer.directory.getTrip({ tripId: 't1' }, { timeoutMs: 3000 })
  const [first = 0, second = 0] = leftMs
  expect(first).toBeLessThan(3000)
  expect(second).toBeLessThan(first)
  expect(second).toBeGreaterThan(0)
})

test('health needs no identity and follows setServing', async () => {
  await using rpc = await startTestRpc({})
  const channel = createChannel(rpc.address)
  const health = createClient(HealthDefinition, channel)
  const service = LocationServiceDefinition.fullName
  expect(await health.check({ service })).toEqual({ status: 1 })
  rpc.server.setServing(false)
  expect(await health.check({ service })).toEqual({ status: 2 })
  expect(await health.check({ service: '' })).toEqual({ status: 2 })
  channel.close()
})

test('reflection needs no identity and lists the services that are served', async () => {
  await using rpc = await startTestRpc({})
  const channel = createChannel(rpc.address)
  const reflection = createClient(ServerReflectionService, channel)
  async function* ask() {
    yield new ServerReflectionRequest().setListServices('*')
    yield new ServerReflectionRequest().setFileContainingSymbol('hushryd.directory.v1.GetTripRequest')
  }
  const answers = await Array.fromAsync(reflection.serverReflectionInfo(ask()))
  const names = answers[0]
    ?.getListServicesResponse()
    ?.getServiceList()
    .map((service) => service.getName())
  expect(names).toContain('hushryd.directory.v1.DirectoryService')
  expect(answers[1]?.getFileDescriptorResponse()?.getFileDescriptorProtoList()).toHaveLength(1)
  channel.close()
})

test('reflection describes health and error details too, so that tools need no files of ours', async () => {
  await using rpc = await startTestRpc({})
  const channel = createChannel(rpc.address)
  const symbols = [HealthDefinition.fullName, 'google.rpc.ErrorInfo', 'google.rpc.BadRequest']
  async function* ask() {
    for (const symbol of symbols) yield new ServerReflectionRequest().setFileContainingSymbol(symbol)
  }
  const answers = await Array.fromAsync(
    createClient(ServerReflectionService, channel).serverReflectionInfo(ask()),
  )
  expect(answers.map((answer) => answer.hasFileDescriptorResponse())).toEqual(symbols.map(() => true))
  channel.close()
})

test('a client finds a restarted server within two seconds', async () => {
  const first = await startTestRpc({ getTrip: async () => ({ tripId: 'one' }) })
  const port = first.server.port
  const channel = openRpcChannel({ address: first.address, peer: peerCredential('edge', PEER_KEY) })
  const client = createRpcClient(DirectoryServiceDefinition, channel, { timeoutMs: 1000 })
  expect((await client.getTrip({ tripId: 't1' })).tripId).toBe('one')
  await first[Symbol.asyncDispose]()
  await expect(client.getTrip({ tripId: 't1' })).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_UNAVAILABLE,
  })
  await using second = await startTestRpc({ getTrip: async () => ({ tripId: 'two' }) }, {}, port)
  expect(second.server.port).toBe(port)
  const answer = await until(() => client.getTrip({ tripId: 't1' }), { timeoutMs: 2500 })
  expect(answer.tripId).toBe('two')
  channel.close()
})
