/** Notify's queue for other services, answered by a list, on a port of its own. */
import { type NewNotification, NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type FakeService, startFakeService } from '@hushryd/kernel/testing/rpc-services.ts'

export class FakeNotify implements AsyncDisposable {
  /** By idempotency key: a repeat is the same message. */
  readonly queued = new Map<string, NewNotification>()
  isAway = false
  #service: FakeService | undefined

  static async start(): Promise<FakeNotify> {
    const fake = new FakeNotify()
    fake.#service = await startFakeService(NotifyServiceDefinition, {
      queueNotifications: async ({ notifications }: { readonly notifications: NewNotification[] }) => {
        if (fake.isAway) throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'Away for the test.')
        for (const notification of notifications) fake.queued.set(notification.idempotencyKey, notification)
        return { notificationIds: notifications.map(({ idempotencyKey }) => idempotencyKey) }
      },
    })
    return fake
  }

  get address(): string {
    return this.#service?.address ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]()
  }
}
