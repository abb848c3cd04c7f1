/**
 * The one way from outside to gRPC: WebSocket `call` frames and REST routes
 * alike. Driven by the descriptors, so a method that gets an audience in the
 * contract is callable without a line here.
 */
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { type Caller, callerMetadata } from '@hushryd/kernel/rpc/caller.ts'
import type { RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { ERROR_DETAILS_KEY } from '@hushryd/kernel/rpc/error-details.ts'
import { toDomainError } from '@hushryd/kernel/rpc/error-wire.ts'
import { traced } from '@hushryd/kernel/tracing.ts'
import { isSosMethod } from '../sos-names.ts'
import { toPublicError, unavailable } from './call-error.ts'
import { type BridgeMethod, checkCaller, exposedMethods } from './exposed-methods.ts'
import { answerToJson, requestToBinary } from './json-codec.ts'
import type { JsonObject } from './json-object.ts'
import { createRawClient, type RawClient, type RawOptions } from './raw-client.ts'
import { SharedAnswers } from './shared-answers.ts'

export type { BridgeMethod } from './exposed-methods.ts'

export interface CallContext {
  readonly caller: Caller
  readonly requestId: string
  /** 0 where the caller did not say: 10 s for a unary call, no end for a stream. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** The caller's own session, for SessionService alone, which makes tickets of it. */
  readonly sessionHash?: string | undefined
}

/** Everything fails with DomainError and nothing else. */
export interface CallBridge {
  readonly methods: readonly BridgeMethod[]
  findMethod(name: string): BridgeMethod | undefined
  callJson(method: BridgeMethod, request: unknown, context: CallContext): Promise<JsonObject>
  callBinary(method: BridgeMethod, request: Uint8Array, context: CallContext): Promise<Uint8Array>
  streamJson(method: BridgeMethod, request: unknown, context: CallContext): AsyncIterable<JsonObject>
  streamBinary(method: BridgeMethod, request: Uint8Array, context: CallContext): AsyncIterable<Uint8Array>
}

/** A way of its own for one method; `ordinary` is the call that it would be without. */
export type LaneCall = (
  request: Uint8Array,
  context: CallContext,
  ordinary: () => Promise<Uint8Array>,
) => Promise<Uint8Array>

export interface CallBridgeOptions {
  /** Undefined where this edge was given no address of the service. */
  readonly channelOf: (serviceName: string) => RpcChannel | undefined
  readonly metrics: Metrics
  /** By the method's name. */
  readonly lanes?: ReadonlyMap<string, LaneCall>
}

export const SESSION_HASH_KEY = 'x-hushryd-session'
const SESSION_SERVICE = 'hushryd.edge.v1.SessionService'

const UNARY_TIMEOUT_MS = 10_000
const UNARY_TIMEOUT_MS_MAX = 60_000
/** Sessions do not last longer either. */
const STREAM_TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000

function timeoutOf({ isStream }: BridgeMethod, givenMs = 0): number | undefined {
  if (givenMs > 0) return Math.min(givenMs, isStream ? STREAM_TIMEOUT_MS_MAX : UNARY_TIMEOUT_MS_MAX)
  return isStream ? undefined : UNARY_TIMEOUT_MS
}

interface OpenCall {
  readonly client: RawClient
  readonly options: RawOptions
  toError(thrown: unknown): Error
}

export function createCallBridge({ channelOf, metrics, lanes = new Map() }: CallBridgeOptions): CallBridge {
  const methods = exposedMethods()
  const byName = new Map(methods.map((method) => [method.name, method]))
  const clients = new Map<string, readonly RawClient[]>()
  const shared = new SharedAnswers()
  let calls = 0

  function clientsOf(serviceName: string, channel: RpcChannel): readonly RawClient[] {
    const known = clients.get(serviceName)
    if (known !== undefined) return known
    const own = methods.filter((method) => method.serviceName === serviceName)
    const made = Array.from({ length: channel.size }, (_, connection) =>
      createRawClient({ serviceName, methods: own, channel, connection, metrics }),
    )
    clients.set(serviceName, made)
    return made
  }

  function pickClient({ serviceName }: BridgeMethod): RawClient {
    const channel = channelOf(serviceName)
    if (channel === undefined) throw unavailable()
    const all = clientsOf(serviceName, channel)
    calls = (calls + 1) % Number.MAX_SAFE_INTEGER
    const client = all[calls % all.length]
    if (client === undefined) throw new Error(`a channel to ${serviceName} without connections`)
    return client
  }

  function open(method: BridgeMethod, context: CallContext): OpenCall {
    const { caller, requestId, signal, sessionHash } = context
    checkCaller(method, caller)
    const client = pickClient(method)
    const metadata = callerMetadata(caller, requestId)
    if (sessionHash !== undefined && method.serviceName === SESSION_SERVICE) {
      metadata.set(SESSION_HASH_KEY, sessionHash)
    }
    const timeoutMs = timeoutOf(method, context.timeoutMs)
    let hasDetails = false
    return {
      client,
      options: {
        metadata,
        ...(signal === undefined ? {} : { signal }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        onTrailer: (trailer) => {
          hasDetails = trailer.has(ERROR_DETAILS_KEY)
        },
      },
      toError: (thrown) =>
        toPublicError({
          error: toDomainError(thrown),
          hasDetails,
          isConnected: client.isConnected(),
          isCallerKnown: caller.kind !== 'anonymous',
        }),
    }
  }

  /** Where a person's request becomes a trace: from its frame, or its REST request, to the answer. */
  function callBinary(method: BridgeMethod, request: Uint8Array, context: CallContext) {
    return traced(
      method.name,
      {
        kind: 'server',
        root: isSosMethod(method.name) ? 'urgent' : 'sampled',
        attributes: { 'rpc.method': method.name, 'hushryd.request_id': context.requestId },
      },
      () => callByLane(method, request, context),
    )
  }

  async function callByLane(method: BridgeMethod, request: Uint8Array, context: CallContext) {
    const lane = lanes.get(method.name)
    if (lane === undefined) return await callUnary(method, request, context)
    checkCaller(method, context.caller)
    return await lane(request, context, () => callUnary(method, request, context))
  }

  async function callUnary(method: BridgeMethod, request: Uint8Array, context: CallContext) {
    const { client, options, toError } = open(method, context)
    try {
      return await client.unary(method, request, options)
    } catch (error) {
      throw toError(error)
    }
  }

  async function* streamBinary(method: BridgeMethod, request: Uint8Array, context: CallContext) {
    const { client, options, toError } = open(method, context)
    try {
      yield* client.stream(method, request, options)
    } catch (error) {
      throw toError(error)
    }
  }

  return {
    methods,
    findMethod: (name) => byName.get(name),
    callBinary,
    streamBinary,
    async callJson(method, request, context) {
      const { input, output } = method.descriptor
      // Before the request is read: what a stranger may not call does not tell him what it takes.
      checkCaller(method, context.caller)
      return answerToJson(output, await callBinary(method, requestToBinary(input, request), context))
    },
    async *streamJson(method, request, context) {
      const { input, output } = method.descriptor
      checkCaller(method, context.caller)
      const bytes = requestToBinary(input, request)
      for await (const message of streamBinary(method, bytes, context)) yield shared.toJson(output, message)
    },
  }
}
