/** Notify's calls, answered by a list, on a port of its own. */
import { type NewNotification, NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { type FakeService, startFakeService } from '@hushryd/kernel/testing/rpc-services.ts'

export class FakeNotify implements AsyncDisposable {
  readonly called: NewNotification[] = []
  #service: FakeService | undefined

  static async start(): Promise<FakeNotify> {
    const fake = new FakeNotify()
    fake.#service = await startFakeService(NotifyServiceDefinition, {
      queueNotifications: async ({ notifications }: { readonly notifications: NewNotification[] }) => {
        fake.called.push(...notifications)
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
