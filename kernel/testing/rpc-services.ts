/** The contract's directory and location services with handlers that a test gives, on a port of their own. */
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { ServiceImplementation, TsProtoServiceDefinition } from 'nice-grpc'
import { Metadata, ServerError, Status } from 'nice-grpc-common'
import { createMetrics, type Metrics } from '../metrics.ts'
import { CALLER_KEYS, peerCredential } from '../rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcChannel, type RpcClient } from '../rpc/client.ts'
import { type RpcContext, type RpcServer, startRpcServer } from '../rpc/server.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

export const PEER_KEY = 'peer-key-of-the-tests'
export const SERVICE_KEY = 'service-key-of-the-tests'

type DirectoryImplementation = ServiceImplementation<typeof DirectoryServiceDefinition, RpcContext>
type LocationImplementation = ServiceImplementation<typeof LocationServiceDefinition, RpcContext>

export interface TestRpc extends AsyncDisposable {
  readonly server: RpcServer
  readonly address: string
  /** As the edge. */
  readonly channel: RpcChannel
  /** The edge's credential, for clients that are not the kernel's. */
  readonly credential: Metadata
  readonly directory: RpcClient<typeof DirectoryServiceDefinition>
  readonly location: RpcClient<typeof LocationServiceDefinition>
  readonly log: MemoryLog
  readonly metrics: Metrics
}

/** Methods that the test does not give answer UNIMPLEMENTED. */
export function withDefaults<S extends TsProtoServiceDefinition>(
  definition: S,
  given: object,
): ServiceImplementation<S, RpcContext> {
  const implementation: Record<string, unknown> = {}
  for (const [key, method] of Object.entries(definition.methods)) {
    const refuse = (): never => {
      throw new ServerError(Status.UNIMPLEMENTED, `${method.name} is not part of this test`)
    }
    implementation[key] = method.responseStream
      ? async function* () {
          yield refuse()
        }
      : async () => refuse()
  }
  // Complete by construction: each key of the definition is there.
  return { ...implementation, ...given } as ServiceImplementation<S, RpcContext>
}

export interface FakeService extends AsyncDisposable {
  readonly port: number
  readonly address: string
}

/** One service of the contract with the methods that a test gives. */
export async function startFakeService<S extends TsProtoServiceDefinition>(
  definition: S,
  given: object,
  port = 0,
): Promise<FakeService> {
  const server = await startRpcServer({
    name: 'test',
    host: '127.0.0.1',
    port,
    trust: { mode: 'key', peerKey: PEER_KEY, serviceKey: SERVICE_KEY },
    log: createMemoryLog().log,
    metrics: createMetrics('test'),
    register: (add) => add(definition, withDefaults(definition, given)),
  })
  return {
    port: server.port,
    address: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(500),
  }
}

export async function startTestRpc(
  directory: Partial<DirectoryImplementation>,
  location: Partial<LocationImplementation> = {},
  port = 0,
): Promise<TestRpc> {
  const log = createMemoryLog()
  const metrics = createMetrics('test')
  const server = await startRpcServer({
    name: 'test',
    host: '127.0.0.1',
    port,
    trust: { mode: 'key', peerKey: PEER_KEY, serviceKey: SERVICE_KEY },
    log: log.log,
    metrics,
    register(add) {
      add(DirectoryServiceDefinition, withDefaults(DirectoryServiceDefinition, directory))
      add(LocationServiceDefinition, withDefaults(LocationServiceDefinition, location))
    },
  })
  const address = `127.0.0.1:${server.port}`
  const channel = openRpcChannel({ address, peer: peerCredential('edge', PEER_KEY) })
  const options = { timeoutMs: 5000, metrics }
  return {
    server,
    address,
    channel,
    credential: new Metadata({ [CALLER_KEYS.peer]: 'edge', [CALLER_KEYS.peerKey]: PEER_KEY }),
    directory: createRpcClient(DirectoryServiceDefinition, channel, options),
    location: createRpcClient(LocationServiceDefinition, channel, options),
    log,
    metrics,
    async [Symbol.asyncDispose]() {
      channel.close()
      await server.stop(1000)
    },
  }
}
