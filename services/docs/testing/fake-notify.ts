/** Notify's queue for other services, answered by a list, on a port of its own. */
import { type NewNotification, NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { type RpcContext, type RpcServer, startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { PEER_KEY, SERVICE_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { ServerError, type ServiceImplementation, Status } from 'nice-grpc'

export class FakeNotify implements AsyncDisposable {
  /** By idempotency key: a repeat is the same message. */
  readonly queued = new Map<string, NewNotification>()
  isAway = false
  readonly #server: RpcServer

  private constructor(server: RpcServer) {
    this.#server = server
  }

  static async start(): Promise<FakeNotify> {
    let fake: FakeNotify | undefined
    const refuse = (): never => {
      throw new ServerError(Status.UNIMPLEMENTED, 'not part of this test')
    }
    const implementation = {
      ...Object.fromEntries(
        Object.keys(NotifyServiceDefinition.methods).map((method) => [method, async () => refuse()]),
      ),
      queueNotifications: async ({ notifications }: { readonly notifications: NewNotification[] }) => {
        if (fake?.isAway === true)
          throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'Away for the test.')
        for (const notification of notifications) fake?.queued.set(notification.idempotencyKey, notification)
        return { notificationIds: notifications.map(({ idempotencyKey }) => idempotencyKey) }
      },
    }
    const server = await startRpcServer({
      name: 'notify',
      host: '127.0.0.1',
      port: 0,
      trust: { mode: 'key', peerKey: PEER_KEY, serviceKey: SERVICE_KEY },
      log: createMemoryLog().log,
      metrics: createMetrics('test'),
      // Complete by construction: each method of the definition is there.
      register: (add) =>
        add(
          NotifyServiceDefinition,
          implementation as unknown as ServiceImplementation<typeof NotifyServiceDefinition, RpcContext>,
        ),
    })
    fake = new FakeNotify(server)
    return fake
  }

  get address(): string {
    return `127.0.0.1:${this.#server.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(500)
  }
}
