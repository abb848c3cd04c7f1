/** Maskcall's AnnounceAlerts, answered as the test says, on a port of its own. */
import {
  type AlertCalls,
  type AnnouncedAlert,
  MaskCallServiceDefinition,
} from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { type FakeService, startFakeService } from '@hushryd/kernel/testing/rpc-services.ts'

export class FakeMaskcall implements AsyncDisposable {
  /** All that it was asked about, repeats too. */
  readonly asked: AnnouncedAlert[] = []
  answer: (alert: AnnouncedAlert) => AlertCalls = ({ alertId }) => ({ alertId, isDone: true, calls: [] })
  #service: FakeService | undefined

  static async start(port = 0): Promise<FakeMaskcall> {
    const fake = new FakeMaskcall()
    const given = {
      announceAlerts: async ({ alerts }: { readonly alerts: AnnouncedAlert[] }) => {
        fake.asked.push(...alerts)
        return { alerts: alerts.map(fake.answer) }
      },
    }
    fake.#service = await startFakeService(MaskCallServiceDefinition, given, port)
    return fake
  }

  get port(): number {
    return this.#service?.port ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]()
  }
}
