/** A real docs on free ports, between real stores and a scanner that the test may bend, with all that it says kept. */
import { randomBytes } from 'node:crypto'
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import { type Document, DocumentServiceDefinition, DocumentState } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { EVENT_SUBJECT_PREFIX } from '@hushryd/kernel/event-log.ts'
import { callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { createMemoryLog, type MemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { testS3, testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Db, MongoClient } from 'mongodb'
import type { Metadata } from 'nice-grpc'
import { readDocsConfig } from '../config.ts'
import { type DocumentRecord, documentsSpec } from '../document-record.ts'
import { createS3Client } from '../object-store.ts'
import { type Docs, startDocs } from '../service.ts'
import { workStream } from '../work-stream.ts'
import { FakeNotify } from './fake-notify.ts'
import { sha256Of } from './sample-files.ts'

export type DocsClient = RpcClient<typeof DocumentServiceDefinition>

const CALL_TIMEOUT_MS = 20_000
/** Beyond what a loaded machine needs. */
export const SOON = { timeoutMs: 60_000 }

export function asUser(
  userId: string,
  role: 'passenger' | 'driver' | 'admin' = 'driver',
): { metadata: Metadata } {
  return { metadata: callerMetadata({ kind: 'user', userId, role, deviceId: 'd' }, 'request-of-a-test') }
}

export interface Announced {
  readonly documentType?: string
  readonly contentType?: string
  readonly fileName?: string
  readonly sizeBytes?: number
  readonly sha256?: string
}

export class World implements AsyncDisposable {
  readonly prefix = uniquePrefix()
  readonly admin = asUser(`${this.prefix}-admin`, 'admin')
  readonly keys = `k1:${randomBytes(32).toString('base64')}`
  readonly events: Event[] = []
  readonly pushes: PushEvent[] = []
  readonly log: MemoryLog = createMemoryLog()
  readonly notify: FakeNotify
  readonly s3: S3Client
  readonly nats: NatsConnection
  readonly mongo: MongoClient
  readonly clamd: FaultyProxy
  readonly storage: FaultyProxy
  readonly #opened: AsyncDisposableStack
  #users = 0

  private constructor(parts: {
    readonly notify: FakeNotify
    readonly s3: S3Client
    readonly nats: NatsConnection
    readonly mongo: MongoClient
    readonly clamd: FaultyProxy
    readonly storage: FaultyProxy
    readonly opened: AsyncDisposableStack
  }) {
    this.notify = parts.notify
    this.s3 = parts.s3
    this.nats = parts.nats
    this.mongo = parts.mongo
    this.clamd = parts.clamd
    this.storage = parts.storage
    this.#opened = parts.opened
  }

  static async start(): Promise<World> {
    await using opened = new AsyncDisposableStack()
    const { endpoint, region, accessKeyId, secretAccessKey } = testS3()
    const credentials = { accessKeyId, secretAccessKey }
    const parts = {
      notify: opened.use(await FakeNotify.start()),
      s3: opened.adopt(createS3Client({ endpoint, region, credentials }), (client) => client.destroy()),
      nats: opened.adopt(await connect({ servers: testUrl('TEST_NATS_URL') }), (link) => link.close()),
      mongo: opened.adopt(new MongoClient(testUrl('TEST_MONGO_URL')), (client) => client.close()),
      clamd: opened.use(await startFaultyProxy({ target: testUrl('TEST_CLAMD_URL') })),
      storage: opened.use(await startFaultyProxy({ target: endpoint })),
    }
    const world = new World({ ...parts, opened: opened.move() })
    await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket }))
    world.nats.subscribe(`${EVENT_SUBJECT_PREFIX}>`, {
      callback: (_error, message) => {
        const event = Event.decode(message.data)
        if (event.userId.startsWith(world.prefix) || event.type.startsWith('docs.')) world.events.push(event)
      },
    })
    world.nats.subscribe('push.user.>', {
      callback: (_error, { data }) => {
        const event = PushEvent.decode(data)
        if (event.userId.startsWith(world.prefix)) world.pushes.push(event)
      },
    })
    await world.nats.flush()
    return world
  }

  get bucket(): string {
    return `${this.prefix}-documents`
  }

  get db(): Db {
    return this.mongo.db(`${this.prefix}docs`)
  }

  get records() {
    return this.db.collection<DocumentRecord>(documentsSpec.name)
  }

  env(): NodeJS.ProcessEnv {
    const { endpoint, region, accessKeyId, secretAccessKey } = testS3()
    return {
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      LOG_LEVEL: 'debug',
      PEER_TRUST: 'key',
      HUSHRYD_PEER_KEY: PEER_KEY,
      NATS_URL: testUrl('TEST_NATS_URL'),
      MONGO_URL: testUrl('TEST_MONGO_URL'),
      MONGO_DB: this.db.databaseName,
      S3_ENDPOINT: this.storage.url('http'),
      S3_PUBLIC_ENDPOINT: endpoint,
      S3_REGION: region,
      S3_BUCKET: this.bucket,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
      CLAMD_URL: this.clamd.url('tcp'),
      DOCS_KEYS: this.keys,
      NOTIFY_ADDR: this.notify.address,
      STOP_GRACE_MS: '1000',
    }
  }

  async startNode(env: NodeJS.ProcessEnv = {}, nowMs?: () => number): Promise<DocsNode> {
    const docs = await startDocs(readDocsConfig({ ...this.env(), ...env }), {
      namespace: this.prefix,
      logSink: { write: (line) => void (this.log.lines as string[]).push(line) },
      ...(nowMs === undefined ? {} : { nowMs }),
    })
    return new DocsNode(docs)
  }

  /** A person whom no other test has. */
  newUser(): string {
    this.#users += 1
    return `${this.prefix}-user-${this.#users}`
  }

  async keysInBucket(prefix = ''): Promise<string[]> {
    const keys: string[] = []
    let token: string | undefined
    do {
      const page = await this.s3.send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix, ContinuationToken: token }),
      )
      keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key))
      token = page.NextContinuationToken
    } while (token !== undefined)
    return keys
  }

  async object(key: string): Promise<Buffer> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }

  /** As nobody outside can: past every signature. */
  async putObject(key: string, bytes: Uint8Array): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: bytes }))
  }

  async deleteObject(key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }))
  }

  /** All that were in the log before. */
  async eventsOf(documentId: string): Promise<readonly string[]> {
    await this.nats.flush()
    return this.events.filter(({ data }) => data?.documentId === documentId).map(({ type }) => type)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of await this.keysInBucket()) await this.deleteObject(key)
    await this.s3.send(new DeleteBucketCommand({ Bucket: this.bucket }))
    await this.db.dropDatabase()
    const manager = await jetstreamManager(this.nats)
    await manager.streams.delete(workStream(this.prefix)).catch(() => undefined)
    await this.#opened.disposeAsync()
  }
}

const SETTLED: readonly DocumentState[] = [DocumentState.AVAILABLE, DocumentState.REJECTED]

export class DocsNode implements AsyncDisposable {
  readonly docs: Docs
  readonly client: DocsClient
  readonly #channel: ReturnType<typeof openRpcChannel>

  constructor(docs: Docs) {
    this.docs = docs
    this.#channel = openRpcChannel({
      address: `127.0.0.1:${docs.port}`,
      peer: peerCredential('edge', PEER_KEY),
    })
    this.client = createRpcClient(DocumentServiceDefinition, this.#channel, { timeoutMs: CALL_TIMEOUT_MS })
  }

  async announce(userId: string, bytes: Uint8Array, announced: Announced = {}) {
    return await this.client.createUpload(
      {
        documentType: 'license',
        fileName: 'licence.jpg',
        contentType: 'image/jpeg',
        sizeBytes: bytes.length,
        sha256: sha256Of(bytes),
        ...announced,
      },
      asUser(userId),
    )
  }

  /** From the announcement to the queue of checks. */
  async upload(userId: string, bytes: Uint8Array, announced: Announced = {}): Promise<string> {
    const { documentId, upload } = await this.announce(userId, bytes, announced)
    const { status } = await putFile(upload, bytes)
    if (status !== 200) throw new Error(`S3 answered ${status}`)
    await this.client.completeUpload({ documentId }, asUser(userId))
    return documentId
  }

  async get(userId: string, documentId: string): Promise<Document> {
    const { document } = await this.client.getDocument({ documentId }, asUser(userId))
    if (document === undefined) throw new Error('an answer without a document')
    return document
  }

  /** Once it is available or rejected. */
  async settled(userId: string, documentId: string): Promise<Document> {
    return await until(async () => {
      const document = await this.get(userId, documentId)
      return SETTLED.includes(document.state) && document
    }, SOON)
  }

  async readiness(): Promise<{ ready: boolean; details: Record<string, string> }> {
    const response = await fetch(`http://127.0.0.1:${this.docs.opsPort}/readyz`)
    return (await response.json()) as { ready: boolean; details: Record<string, string> }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close()
    await this.docs[Symbol.asyncDispose]()
  }
}

export async function putFile(
  upload:
    | { readonly url: string; readonly method: string; readonly headers: Record<string, string> }
    | undefined,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  if (upload === undefined) throw new Error('an answer without an address')
  const { url, method } = upload
  const response = await fetch(url, {
    method,
    headers: { ...upload.headers, ...headers },
    body: new Uint8Array(bytes),
  })
  await response.arrayBuffer()
  return response
}
