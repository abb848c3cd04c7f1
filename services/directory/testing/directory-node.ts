/** A real directory on free ports, and clients that call it as the different parts of HushRyd. */
import { randomBytes } from 'node:crypto'
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { type Caller, callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import {
  createRpcClient,
  openRpcChannel,
  type RpcChannel,
  type RpcClient,
} from '@hushryd/kernel/rpc/client.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import type { Metadata } from 'nice-grpc'
import { readDirectoryConfig } from '../config.ts'
import { type Directory, startDirectory } from '../service.ts'

const PEER_KEY = 'peer-key-of-the-directory-tests'
const CALL_TIMEOUT_MS = 8000

export type DirectoryClient = RpcClient<typeof DirectoryServiceDefinition>

export function newKeyLine(id: string): string {
  return `${id}:${randomBytes(32).toString('base64')}`
}

export interface NodeOptions {
  readonly mongoDb: string
  readonly keys: string
  readonly mongoUrl?: string
  readonly redisUrl?: string
  readonly natsUrl?: string
  readonly sink?: { write(line: string): void }
}

export class DirectoryNode implements AsyncDisposable {
  readonly directory: Directory
  readonly #channels = new Map<string, RpcChannel>()

  constructor(directory: Directory) {
    this.directory = directory
  }

  /** Calls as one of HushRyd's processes; as `edge` for others with `onBehalfOf` as the metadata. */
  as(peer: string): DirectoryClient {
    const known = this.#channels.get(peer)
    const channel =
      known ??
      openRpcChannel({
        address: `127.0.0.1:${this.directory.port}`,
        peer: peerCredential(peer, PEER_KEY),
      })
    this.#channels.set(peer, channel)
    return createRpcClient(DirectoryServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels.values()) channel.close()
    await this.directory[Symbol.asyncDispose]()
  }
}

export async function startNode(options: NodeOptions): Promise<DirectoryNode> {
  const config = readDirectoryConfig({
    PORT: '0',
    OPS_PORT: '0',
    LOG_LEVEL: 'debug',
    PEER_TRUST: 'key',
    HUSHRYD_PEER_KEY: PEER_KEY,
    MONGO_DB: options.mongoDb,
    MONGO_URL: options.mongoUrl ?? testUrl('TEST_MONGO_URL'),
    REDIS_URL: options.redisUrl ?? testUrl('TEST_REDIS_URL'),
    NATS_URL: options.natsUrl ?? testUrl('TEST_NATS_URL'),
    DIRECTORY_KEYS: options.keys,
    STOP_GRACE_MS: '1000',
  })
  return new DirectoryNode(
    await startDirectory(config, { logSink: options.sink ?? { write: () => undefined } }),
  )
}

export function onBehalfOf(caller: Caller): { metadata: Metadata } {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export const asBackend = onBehalfOf({ kind: 'backend' })

export function asUser(userId: string): { metadata: Metadata } {
  return onBehalfOf({ kind: 'user', userId, role: 'passenger', deviceId: 'd' })
}
