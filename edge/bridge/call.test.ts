/** The bridge against real gRPC servers with the contract's services. */
import { createServer } from 'node:net'
import { fromJson, toBinary } from '@bufbuild/protobuf'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import { peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { PEER_KEY, startTestRpc } from '@hushryd/kernel/testing/rpc-services.ts'
import { expect, test } from 'vitest'
import { type BridgeMethod, type CallBridge, createCallBridge } from './call.ts'

const driver: Caller = { kind: 'user', userId: 'd1', role: 'driver', deviceId: 'phone' }
const context = { caller: driver, requestId: 'req-1' }
const TRAIL = 'hushryd.location.v1.LocationService/GetTrail'
const WATCH = 'hushryd.location.v1.LocationService/WatchTrip'

function bridgeTo(channel: RpcChannel | undefined): CallBridge {
  return createCallBridge({ channelOf: () => channel, metrics: createMetrics('test') })
}

function methodOf(bridge: CallBridge, name: string): BridgeMethod {
  const method = bridge.findMethod(name)
  if (method === undefined) throw new Error(`${name} is not exposed`)
  return method
}

async function errorOf(call: Promise<unknown>): Promise<DomainError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof DomainError)) throw new Error('no DomainError', { cause: error })
  return error
}

test('a unary call carries JSON there and back, and the service knows who calls', async () => {
  await using rpc = await startTestRpc(
    {},
    {
      async getTrail({ tripId, fromMs }, { caller, requestId }) {
        const userId = JSON.stringify({ tripId, caller, requestId })
        return { complete: true, updates: [{ userId, timestampMs: fromMs }] }
      },
    },
  )
  const bridge = bridgeTo(rpc.channel)
  const answer = await bridge.callJson(
    methodOf(bridge, TRAIL),
    { trip_id: 't1', fromMs: 1_700_000_000_000, later: 'unknown' },
    context,
  )
  expect(answer).toEqual({
    complete: true,
    updates: [
      {
        userId: JSON.stringify({ tripId: 't1', caller: driver, requestId: 'req-1' }),
        lat: 0,
        lng: 0,
        accuracy: 0,
        speed: 0,
        heading: 0,
        timestampMs: 1_700_000_000_000,
      },
    ],
  })
})

test('a binary call carries the bytes as they are', async () => {
  await using rpc = await startTestRpc(
    {},
    { getTrail: async ({ tripId }) => ({ complete: tripId === 't1' }) },
  )
  const bridge = bridgeTo(rpc.channel)
  const method = methodOf(bridge, TRAIL)
  const { input } = method.descriptor
  const request = toBinary(input, fromJson(input, { tripId: 't1' }))
  expect([...(await bridge.callBinary(method, request, context))]).toEqual([0x10, 1])
})

test('bytes that are no message are MALFORMED', async () => {
  await using rpc = await startTestRpc({}, {})
  const bridge = bridgeTo(rpc.channel)
  const error = await errorOf(
    bridge.callBinary(methodOf(bridge, TRAIL), Uint8Array.of(0x0a, 0x7f, 1), context),
  )
  expect(error.reason).toBe(ErrorReason.ERROR_REASON_MALFORMED)
})

test('a stream carries each message, and its failure with the reason', async () => {
  await using rpc = await startTestRpc(
    {},
    {
      async *watchTrip() {
        yield { caughtUp: true }
        throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'The trip has ended.')
      },
    },
  )
  const bridge = bridgeTo(rpc.channel)
  const seen: unknown[] = []
  async function watch(): Promise<void> {
    for await (const message of bridge.streamJson(methodOf(bridge, WATCH), { tripId: 't1' }, context))
      seen.push(message)
  }
  const error = await errorOf(watch())
  expect(error).toMatchObject({ reason: ErrorReason.ERROR_REASON_TRIP_ENDED, message: 'The trip has ended.' })
  expect(seen).toEqual([{ updates: [], caughtUp: true, complete: false }])
})

test('a consumer that leaves a stream ends it at the service', async () => {
  const ended = Promise.withResolvers<void>()
  await using rpc = await startTestRpc(
    {},
    {
      async *watchTrip(_request, { signal }) {
        signal.addEventListener('abort', () => ended.resolve())
        yield {}
        await ended.promise
      },
    },
  )
  const bridge = bridgeTo(rpc.channel)
  for await (const _ of bridge.streamJson(methodOf(bridge, WATCH), { tripId: 't1' }, context)) break
  await ended.promise
})

test('methods without audience and client streams are not exposed', () => {
  const bridge = bridgeTo(undefined)
  expect(bridge.findMethod('hushryd.directory.v1.DirectoryService/GetUser')).toBeUndefined()
  expect(bridge.findMethod('hushryd.location.v1.LocationService/Connect')).toBeUndefined()
  expect(bridge.findMethod('hushryd.location.v1.LocationService/ReportLocations')).toBeUndefined()
  expect(bridge.findMethod('constructor')).toBeUndefined()
})

test('the audience is checked before the request is even read', async () => {
  const bridge = bridgeTo(undefined)
  const nearby = methodOf(bridge, 'hushryd.location.v1.LocationService/FindNearby')
  expect((await errorOf(bridge.callJson(nearby, 'no object', context))).reason).toBe(
    ErrorReason.ERROR_REASON_FORBIDDEN,
  )
  const stranger = { caller: { kind: 'anonymous' } as const, requestId: 'req-1' }
  expect((await errorOf(bridge.callBinary(nearby, new Uint8Array(), stranger))).reason).toBe(
    ErrorReason.ERROR_REASON_UNAUTHENTICATED,
  )
})

test('only the session service learns which session calls', async () => {
  const seen: (string | undefined)[] = []
  await using rpc = await startTestRpc(
    {},
    {
      async getTrail(_request, { metadata }) {
        seen.push(metadata.get('x-hushryd-session'))
        return {}
      },
    },
  )
  const bridge = bridgeTo(rpc.channel)
  await bridge.callJson(methodOf(bridge, TRAIL), { tripId: 't1' }, { ...context, sessionHash: 'hash' })
  expect(seen).toEqual([undefined])
})

test('the caller’s deadline travels, and is cut at a minute', async () => {
  const left: number[] = []
  await using rpc = await startTestRpc(
    {},
    {
      async getTrail(_request, { deadlineMs = 0 }) {
        left.push(deadlineMs - Date.now())
        return {}
      },
    },
  )
  const bridge = bridgeTo(rpc.channel)
  for (const timeoutMs of [0, 3000, 3_600_000]) {
    await bridge.callJson(methodOf(bridge, TRAIL), { tripId: 't1' }, { ...context, timeoutMs })
  }
  expect(left.map((ms) => Math.round(ms / 1000))).toEqual([10, 3, 60])
})

test('a slow service is DEADLINE_EXCEEDED', async () => {
  await using rpc = await startTestRpc({}, { getTrail: async () => await new Promise(() => undefined) })
  const bridge = bridgeTo(rpc.channel)
  const error = await errorOf(
    bridge.callJson(methodOf(bridge, TRAIL), { tripId: 't1' }, { ...context, timeoutMs: 150 }),
  )
  expect(error.reason).toBe(ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED)
})

test('a service that is away, unreachable or not configured is UNAVAILABLE, and no address is told', async () => {
  // Accepts and never says a word.
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const bound = silent.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  const peer = peerCredential('edge', PEER_KEY)
  const channels = [
    undefined,
    openRpcChannel({ address: '127.0.0.1:1', peer }),
    openRpcChannel({ address: `127.0.0.1:${bound.port}`, peer }),
  ]
  for (const channel of channels) {
    const bridge = bridgeTo(channel)
    const error = await errorOf(
      bridge.callJson(methodOf(bridge, TRAIL), { tripId: 't1' }, { ...context, timeoutMs: 300 }),
    )
    expect(error.reason).toBe(ErrorReason.ERROR_REASON_UNAVAILABLE)
    expect(error.message).not.toMatch(/127|hushryd|connect/i)
    expect(error.retryAfterMs).toBeGreaterThan(0)
    channel?.close()
  }
  silent.close()
})

test('an error of ours keeps what was written for the caller; a fault says nothing', async () => {
  await using rpc = await startTestRpc(
    {},
    {
      async getTrail({ tripId }) {
        if (tripId === 'bug') throw new Error('secret of the database')
        throw new DomainError(ErrorReason.ERROR_REASON_RATE_LIMITED, 'Slower.', {
          retryAfterMs: 250,
          violations: [{ field: 'a', description: 'b' }],
        })
      },
    },
  )
  const bridge = bridgeTo(rpc.channel)
  const method = methodOf(bridge, TRAIL)
  expect(await errorOf(bridge.callJson(method, { tripId: 't1' }, context))).toMatchObject({
    reason: ErrorReason.ERROR_REASON_RATE_LIMITED,
    message: 'Slower.',
    retryAfterMs: 250,
    violations: [{ field: 'a', description: 'b' }],
  })
  const fault = await errorOf(bridge.callJson(method, { tripId: 'bug' }, context))
  expect(fault.reason).toBe(ErrorReason.ERROR_REASON_INTERNAL)
  expect(fault.message).not.toContain('secret')
})

test('a service that does not know the edge is away for its callers, who stay signed in', async () => {
  await using rpc = await startTestRpc({}, {})
  const channel = openRpcChannel({ address: rpc.address, peer: peerCredential('edge', 'another key') })
  const bridge = bridgeTo(channel)
  const error = await errorOf(bridge.callJson(methodOf(bridge, TRAIL), { tripId: 't1' }, context))
  expect(error.reason).toBe(ErrorReason.ERROR_REASON_UNAVAILABLE)
  channel.close()
})
