/**
 * A gRPC client of any service of the contract that carries bytes as they are:
 * the kernel's own client, with a definition whose messages are their bytes.
 */
import { connectivityState } from '@grpc/grpc-js'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcCallOptions, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import type { CallOptions, TsProtoServiceDefinition } from 'nice-grpc'
import type { BridgeMethod } from './exposed-methods.ts'

export type RawOptions = CallOptions & RpcCallOptions

export interface RawClient {
  unary(method: BridgeMethod, request: Uint8Array, options: RawOptions): Promise<Uint8Array>
  stream(method: BridgeMethod, request: Uint8Array, options: RawOptions): AsyncIterable<Uint8Array>
  /** False while nobody answers at the other end. */
  isConnected(): boolean
}

/** Never used: each call brings its own. */
const TIMEOUT_MS = 10_000

const BYTES = {
  encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
  decode: (bytes: Uint8Array) => bytes,
}

function definitionOf(serviceName: string, methods: readonly BridgeMethod[]): TsProtoServiceDefinition {
  return {
    name: serviceName.slice(serviceName.lastIndexOf('.') + 1),
    fullName: serviceName,
    methods: Object.fromEntries(
      methods.map(({ name, isStream, descriptor }) => [
        name,
        {
          name: descriptor.name,
          requestType: BYTES,
          requestStream: false,
          responseType: BYTES,
          responseStream: isStream,
          options: {},
        },
      ]),
    ),
  }
}

/** What nice-grpc makes of the definition; its own type cannot tell unary from streaming here. */
interface RawMethods {
  readonly unary: Readonly<Record<string, (request: Uint8Array, options: RawOptions) => Promise<Uint8Array>>>
  readonly stream: Readonly<
    Record<string, (request: Uint8Array, options: RawOptions) => AsyncIterable<Uint8Array>>
  >
}

export interface RawClientOptions {
  readonly serviceName: string
  readonly methods: readonly BridgeMethod[]
  readonly channel: RpcChannel
  /** Which of the channel's connections. */
  readonly connection: number
  readonly metrics: Metrics
}

export function createRawClient(options: RawClientOptions): RawClient {
  const { serviceName, methods, channel, connection, metrics } = options
  const client: unknown = createRpcClient(definitionOf(serviceName, methods), channel, {
    timeoutMs: TIMEOUT_MS,
    metrics,
    channel: connection,
  })
  const raw = { unary: client, stream: client } as RawMethods

  function get<F>(table: Readonly<Record<string, F>>, { name }: BridgeMethod): F {
    const call = table[name]
    if (call === undefined) throw new Error(`${name} is no method of ${serviceName}`)
    return call
  }
  return {
    unary: (method, request, callOptions) => get(raw.unary, method)(request, callOptions),
    stream: (method, request, callOptions) => get(raw.stream, method)(request, callOptions),
    isConnected: () => channel.channel(connection).getConnectivityState(false) === connectivityState.READY,
  }
}
