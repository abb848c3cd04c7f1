/** A gRPC server that answers every method of the contract, also those whose services are not part of a test. */
import { create, type DescMethod, toBinary } from '@bufbuild/protobuf'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { CALLER_KEYS, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { type CallContext, createServer, type ServiceDefinition } from 'nice-grpc'
import { type BridgeMethod, type CallBridge, createCallBridge, SESSION_HASH_KEY } from '../../bridge/call.ts'

export interface SeenCall {
  readonly path: string
  readonly request: Uint8Array
  readonly role: string | undefined
  readonly user: string | undefined
  readonly sessionHash: string | undefined
}

export interface ContractServer extends AsyncDisposable {
  readonly bridge: CallBridge
  readonly calls: readonly SeenCall[]
}

const bytes = (value: Uint8Array): Uint8Array => value

/** All fields at their defaults, but a status that HTTP knows where the method answers with one. */
function answerOf({ output }: DescMethod): Uint8Array {
  const hasStatus = output.fields.some(({ name, fieldKind }) => name === 'status' && fieldKind === 'scalar')
  return toBinary(output, create(output, hasStatus ? { status: 200 } : {}))
}

export async function startContractServer(): Promise<ContractServer> {
  const server = createServer()
  const calls: SeenCall[] = []
  const { methods } = createCallBridge({ channelOf: () => undefined, metrics: createMetrics('test') })

  const byService = new Map<string, BridgeMethod[]>()
  for (const method of methods) {
    byService.set(method.serviceName, [...(byService.get(method.serviceName) ?? []), method])
  }
  for (const own of byService.values()) {
    const definition: Record<string, ServiceDefinition[string]> = {}
    const implementation: Record<string, unknown> = {}
    for (const { name, isStream, descriptor } of own) {
      definition[name] = {
        path: `/${name}`,
        requestStream: false,
        responseStream: isStream,
        requestDeserialize: bytes,
        requestSerialize: bytes,
        responseDeserialize: bytes,
        responseSerialize: bytes,
        options: {},
      }
      const answer = (request: Uint8Array, { metadata }: CallContext): Uint8Array => {
        calls.push({
          path: name,
          request,
          role: metadata.get(CALLER_KEYS.role),
          user: metadata.get(CALLER_KEYS.user),
          sessionHash: metadata.get(SESSION_HASH_KEY),
        })
        return answerOf(descriptor)
      }
      implementation[name] = isStream
        ? async function* (request: Uint8Array, context: CallContext) {
            yield answer(request, context)
          }
        : async (request: Uint8Array, context: CallContext) => answer(request, context)
    }
    // Complete by construction: each key of the definition is there.
    server.add(definition, implementation as never)
  }
  const port = await server.listen('127.0.0.1:0')
  const channel = openRpcChannel({
    address: `127.0.0.1:${port}`,
    peer: peerCredential('edge', 'key-of-the-contract-server'),
  })
  return {
    bridge: createCallBridge({ channelOf: () => channel, metrics: createMetrics('test') }),
    calls,
    async [Symbol.asyncDispose]() {
      channel.close()
      server.forceShutdown()
    },
  }
}
