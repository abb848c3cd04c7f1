/** An edge's side of one lane, for tests: what is sent by hand, and all that came down. */

import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import {
  ConnectRequest,
  type ConnectResponse,
  type LaneJoined,
  type LaneRefusal,
  type LaneSynced,
  type Report,
} from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { PARTITIONS_DEFAULT, partitionOf } from '@hushryd/kernel/partition.ts'
import type { RpcClient } from '@hushryd/kernel/rpc/client.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { Metadata } from 'nice-grpc-common'

export type LocationClient = RpcClient<typeof LocationServiceDefinition>

class Outgoing<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = []
  #isEnded = false
  #wake: (() => void) | undefined

  push(message: T): void {
    this.#waiting.push(message)
    this.#wake?.()
  }

  end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    while (true) {
      const next = this.#waiting.shift()
      if (next !== undefined) yield next
      else if (this.#isEnded) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}

export class LaneClient implements AsyncDisposable {
  readonly received: ConnectResponse[] = []
  /** What ended the stream; undefined while it is open, null where it ended orderly. */
  error: unknown
  readonly #outgoing = new Outgoing<ConnectRequest>()
  readonly #controller = new AbortController()
  readonly #reading: Promise<void>
  #seq = 0
  #ref = 0

  /** Connects the lane of the trip's partition. */
  constructor(client: LocationClient, tripId: string, edgeId: string, epochMs = 1) {
    const partition = partitionOf(tripId, PARTITIONS_DEFAULT)
    this.send({ hello: { edgeId, partition, epochMs } })
    const responses = client.connect(this.#outgoing, {
      signal: this.#controller.signal,
      metadata: new Metadata({ 'x-hushryd-partition': String(partition) }),
    })
    this.#reading = this.#read(responses)
  }

  async #read(responses: AsyncIterable<ConnectResponse>): Promise<void> {
    try {
      for await (const response of responses) this.received.push(response)
      this.error = null
    } catch (error) {
      this.error = error
    }
  }

  send(request: Partial<ConnectRequest>): void {
    this.#outgoing.push(ConnectRequest.fromPartial(request))
  }

  /** Answers the batch's number. */
  report(tripId: string, ...positions: readonly Position[]): number {
    this.send({ seq: ++this.#seq, reports: positions.map((position) => reportOf(tripId, position)) })
    return this.#seq
  }

  backfill(tripId: string, ...positions: readonly Position[]): number {
    this.send({ seq: ++this.#seq, backfill: positions.map((position) => reportOf(tripId, position)) })
    return this.#seq
  }

  async sync(tripId: string, userId: string, positions: readonly Position[]): Promise<LaneSynced> {
    const ref = ++this.#ref
    const reports = positions.map((position) => reportOf(tripId, { ...position, userId: '' }))
    this.send({ syncs: [{ ref, userId, reports }] })
    return await until(() => this.#all('synced').find((answer) => answer.ref === ref), { what: 'the sync' })
  }

  async join(
    tripId: string,
    { userId = '', role = 'admin', scope = '', sinceMs = 0, rejoin = false } = {},
  ): Promise<LaneJoined> {
    const ref = ++this.#ref
    this.send({ joins: [{ ref, tripId, sinceMs, userId, role, scope, rejoin }] })
    return await until(() => this.#all('joined').find((answer) => answer.ref === ref), { what: 'the join' })
  }

  leave(tripId: string): void {
    this.send({ leftTripIds: [tripId] })
  }

  async acked(seq: number): Promise<void> {
    await until(() => this.received.some(({ ackedSeq }) => ackedSeq >= seq), { what: `ack of ${seq}` })
  }

  /** The positions that came for a trip, from their frames. */
  positions(tripId: string): Position[] {
    return this.#all('trips')
      .filter((entry) => entry.tripId === tripId)
      .flatMap(({ frame }) => {
        const { frame: read } = ServerFrame.decode(frame)
        return read?.$case === 'trip' ? read.value.updates : []
      })
  }

  get refusals(): LaneRefusal[] {
    return this.#all('refusals')
  }

  get endedTripIds(): string[] {
    return this.#all('endedTripIds')
  }

  #all<K extends 'trips' | 'joined' | 'synced' | 'refusals' | 'endedTripIds'>(
    field: K,
  ): ConnectResponse[K][number][] {
    return this.received.flatMap((response): ConnectResponse[K][number][] => response[field])
  }

  /** Ends as a broken connection does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort()
    this.#outgoing.end()
    await this.#reading
  }
}

function reportOf(tripId: string, position: Position): Report {
  return { tripId, position, connection: 7, receivedMs: Date.now(), frameId: 'f1' }
}
