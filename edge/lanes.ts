/**
 * The lanes of all partitions, over a few gRPC channels to each location pod.
 *
 * Where there is one address the mesh finds the pod by the partition's header;
 * where there are several, a partition begins at its own, the same for every
 * edge, and after a failure tries the next.
 */
import type { Clock, Timer } from '@hushryd/kernel/clock.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { Metadata } from 'nice-grpc-common'
import type { EdgeEvents } from './events.ts'
import { Lane, type LaneSink, type OpenLane } from './lane.ts'
import { LaneDefinition } from './lane-codec.ts'

export interface LanesOptions {
  readonly count: number
  readonly edgeId: string
  /** This start of the edge; later ones are larger. */
  readonly epochMs: number
  readonly flushMs: number
  readonly open: OpenLane
  readonly sink: LaneSink
  readonly events: EdgeEvents
  readonly log: Log
  readonly clock: Clock
}

export class Lanes implements AsyncDisposable {
  readonly #lanes: readonly Lane[]
  readonly #options: LanesOptions
  readonly #stopped = new AbortController()
  readonly #running: Promise<unknown>
  /** One for all lanes: what comes within its time shares a batch. */
  #flushTimer: Timer | undefined

  constructor(options: LanesOptions) {
    const { count, edgeId, epochMs, open, sink, events, log, clock } = options
    this.#options = options
    this.#lanes = Array.from({ length: count }, (_, partition) => {
      const wake = (): void => this.#wake()
      return new Lane({ partition, edgeId, epochMs, open, sink, events, log, clock, wake })
    })
    this.#running = Promise.all(this.#lanes.map((lane) => lane.run(this.#stopped.signal)))
  }

  at(partition: number): Lane {
    const lane = this.#lanes[partition]
    if (lane === undefined) throw new Error(`no lane of partition ${partition}`)
    return lane
  }

  /** Positions that the location service has not acknowledged. */
  get held(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.held, 0)
  }

  #wake(): void {
    this.#flushTimer ??= this.#options.clock.setTimer(() => this.flush(), this.#options.flushMs)
  }

  /** Also to be called now and then without news, to find streams that say nothing. */
  flush(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    const nowMs = this.#options.clock.nowMs()
    for (const lane of this.#lanes) lane.flush(nowMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort()
    this.#flushTimer?.cancel()
    await this.#running
  }
}

/** The mesh hashes it to a pod. */
const PARTITION_HEADER = 'x-hushryd-partition'

export function laneOpener(pods: readonly RpcChannel[], metrics: Metrics): OpenLane {
  const clients = pods.map((channel) =>
    Array.from({ length: channel.size }, (_, n) =>
      createRpcClient(LaneDefinition, channel, { timeoutMs: 0, metrics, channel: n }),
    ),
  )
  return (partition, attempt, requests, signal) => {
    const ofPod = clients[(partition + attempt) % clients.length]
    const client = ofPod?.[partition % ofPod.length]
    if (client === undefined) throw new Error('no channel to the location service')
    return client.connect(requests, {
      signal,
      metadata: new Metadata({ [PARTITION_HEADER]: String(partition) }),
    })
  }
}
