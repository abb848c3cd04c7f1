/** Maskcall's AnnounceAlerts, answered as the test says, on a port of its own. */
import {
  type AlertCalls,
  type AnnouncedAlert,
  MaskCallServiceDefinition,
} from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { type RpcContext, type RpcServer, startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { PEER_KEY, SERVICE_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { ServerError, type ServiceImplementation, Status } from 'nice-grpc'

export class FakeMaskcall implements AsyncDisposable {
  /** All that it was asked about, repeats too. */
  readonly asked: AnnouncedAlert[] = []
  answer: (alert: AnnouncedAlert) => AlertCalls = ({ alertId }) => ({ alertId, isDone: true, calls: [] })
  readonly #server: RpcServer

  private constructor(server: RpcServer) {
    this.#server = server
  }

  static async start(port = 0): Promise<FakeMaskcall> {
    let fake: FakeMaskcall | undefined
    const refuse = (): never => {
      throw new ServerError(Status.UNIMPLEMENTED, 'not part of this test')
    }
    const methods = Object.keys(MaskCallServiceDefinition.methods)
    const implementation = {
      ...Object.fromEntries(methods.map((method) => [method, async () => refuse()])),
      announceAlerts: async ({ alerts }: { readonly alerts: AnnouncedAlert[] }) => {
        if (fake === undefined) return refuse()
        fake.asked.push(...alerts)
        return { alerts: alerts.map(fake.answer) }
      },
    }
    const server = await startRpcServer({
      name: 'maskcall',
      host: '127.0.0.1',
      port,
      trust: { mode: 'key', peerKey: PEER_KEY, serviceKey: SERVICE_KEY },
      log: createMemoryLog().log,
      metrics: createMetrics('test'),
      // Complete by construction: each method of the definition is there.
      register: (add) =>
        add(
          MaskCallServiceDefinition,
          implementation as unknown as ServiceImplementation<typeof MaskCallServiceDefinition, RpcContext>,
        ),
    })
    fake = new FakeMaskcall(server)
    return fake
  }

  get port(): number {
    return this.#server.port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(500)
  }
}
