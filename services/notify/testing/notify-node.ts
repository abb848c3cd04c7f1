/** A real notify on free ports, with providers of the test's own, and clients that call it. */
import { randomBytes } from 'node:crypto'
import {
  type Notification,
  type NotificationState,
  NotifyServiceDefinition,
} from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { type Caller, callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import {
  createRpcClient,
  openRpcChannel,
  type RpcChannel,
  type RpcClient,
} from '@hushryd/kernel/rpc/client.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import type { Metadata } from 'nice-grpc'
import { readNotifyConfig } from '../config.ts'
import type { DeliveryReceipt } from '../provider.ts'
import { type Notify, type NotifyOverrides, startNotify } from '../service.ts'
import type { ReceivedReceipt } from '../webhooks/webhook.ts'

const CALL_TIMEOUT_MS = 8_000

export type NotifyClient = RpcClient<typeof NotifyServiceDefinition>

export function testUrl(name: 'TEST_NATS_URL' | 'TEST_MONGO_URL'): string {
  const url = process.env[name]
  if (url === undefined) throw new Error(`${name} is not set: run with the project "infra"`)
  return url
}

export function newKeyLine(): string {
  return `k1:${randomBytes(32).toString('base64')}`
}

export interface NodeOptions extends NotifyOverrides {
  readonly namespace: string
  readonly directoryAddress: string
  readonly mongoDb: string
  readonly keys: string
  readonly mongoUrl?: string
  readonly natsUrl?: string
  readonly env?: Readonly<Record<string, string>>
}

export function nodeEnv(options: NodeOptions): Record<string, string> {
  return {
    PORT: '0',
    OPS_PORT: '0',
    LOG_LEVEL: 'debug',
    PEER_TRUST: 'key',
    HUSHRYD_PEER_KEY: PEER_KEY,
    MONGO_DB: options.mongoDb,
    MONGO_URL: options.mongoUrl ?? testUrl('TEST_MONGO_URL'),
    NATS_URL: options.natsUrl ?? testUrl('TEST_NATS_URL'),
    DIRECTORY_ADDR: options.directoryAddress,
    NOTIFY_KEYS: options.keys,
    // Tests run at any hour.
    NOTIFY_QUIET_HOURS: '00:00-00:00',
    STOP_GRACE_MS: '1000',
    ...options.env,
  }
}

/** Believes everyone who posts a JSON list of receipts. */
async function readTestWebhook(_provider: string, { body }: { readonly body: Uint8Array }) {
  const receipts = JSON.parse(Buffer.from(body).toString()) as ReceivedReceipt[]
  return { kind: 'accepted' as const, receipts, answer: { status: 200, contentType: 'text/plain', body: '' } }
}

export class NotifyNode implements AsyncDisposable {
  readonly notify: Notify
  readonly #channels = new Map<string, RpcChannel>()

  constructor(notify: Notify) {
    this.notify = notify
  }

  /** Calls as one of HushRyd's processes; as `edge` for others with `onBehalfOf` as the metadata. */
  as(peer: string): NotifyClient {
    const known = this.#channels.get(peer)
    const channel =
      known ??
      openRpcChannel({ address: `127.0.0.1:${this.notify.port}`, peer: peerCredential(peer, PEER_KEY) })
    this.#channels.set(peer, channel)
    return createRpcClient(NotifyServiceDefinition, channel, { timeoutMs: CALL_TIMEOUT_MS })
  }

  async get(notificationId: string): Promise<Notification> {
    const { notification } = await this.as('edge').getNotification({ notificationId }, asBackend)
    if (notification === undefined) throw new Error('there is no notification in the answer')
    return notification
  }

  async untilState(
    notificationId: string,
    state: NotificationState,
    timeoutMs = 15_000,
  ): Promise<Notification> {
    return await until(
      async () => {
        const notification = await this.get(notificationId)
        return notification.state === state && notification
      },
      { timeoutMs, what: `state ${state} of ${notificationId}` },
    )
  }

  /** As the provider's webhook. */
  async report(
    provider: DeliveryReceipt['provider'],
    providerId: string | undefined,
    status: DeliveryReceipt['status'],
  ): Promise<void> {
    if (providerId === undefined) throw new Error('the provider has not taken it')
    const receipt: ReceivedReceipt = {
      provider,
      providerId,
      status,
      atMs: Date.now(),
      eventId: `${providerId}-${status}`,
    }
    await this.as('edge').reportDelivery(
      { provider, url: '', headers: {}, body: Buffer.from(JSON.stringify([receipt])) },
      onBehalfOf({ kind: 'anonymous' }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels.values()) channel.close()
    await this.notify[Symbol.asyncDispose]()
  }
}

export async function startNode(options: NodeOptions): Promise<NotifyNode> {
  const notify = await startNotify(readNotifyConfig(nodeEnv(options)), {
    logSink: { write: () => undefined },
    readWebhook: readTestWebhook,
    ...options,
  })
  return new NotifyNode(notify)
}

export function onBehalfOf(caller: Caller): { metadata: Metadata } {
  return { metadata: callerMetadata(caller, 'request-of-a-test') }
}

export const asBackend = onBehalfOf({ kind: 'backend' })
export const asAdmin = onBehalfOf({ kind: 'user', userId: 'admin-1', role: 'admin', deviceId: '' })
