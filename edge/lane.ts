/**
 * The edge's side of one partition's lane: a bidi stream to the location
 * service that is opened again for ever.
 *
 * A new stream begins with hello, then the joins of what this edge follows and
 * of sockets that still wait, then what was not acknowledged as backfill.
 */
import {
  ConnectRequest,
  type LaneJoin,
  type LaneJoined,
  type LaneRefusal,
  type LaneSync,
  type LaneSynced,
} from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { type Clock, pause } from '@hushryd/kernel/clock.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { backoffMs } from '@hushryd/kernel/loop.ts'
import type { EdgeEvents } from './events.ts'
import { LaneBuffer } from './lane-buffer.ts'
import type { LaneDown, LaneUp } from './lane-codec.ts'
import { Outgoing } from './outgoing.ts'
import type { NewReport, ReportBlock } from './report-block.ts'
import type { TripPosition } from './room.ts'

/** What arrives; called in the order of the stream. */
export interface LaneSink {
  position(position: TripPosition): void
  joined(joined: LaneJoined): void
  synced(synced: LaneSynced): void
  refused(refusal: LaneRefusal): void
  ended(tripId: string): void
  /** A new stream stands: what is to be joined again on it. */
  rejoins(partition: number): LaneJoin[]
}

export type OpenLane = (
  partition: number,
  attempt: number,
  requests: AsyncIterable<LaneUp>,
  signal: AbortSignal,
) => AsyncIterable<LaneDown>

export interface LaneOptions {
  readonly partition: number
  readonly edgeId: string
  readonly epochMs: number
  readonly open: OpenLane
  readonly sink: LaneSink
  readonly events: EdgeEvents
  readonly log: Log
  readonly clock: Clock
  /** Asks for a flush soon. */
  readonly wake: () => void
}

const RECONNECT_BASE_MS = 100
const RECONNECT_MAX_MS = 2_000
/** A service that acknowledges nothing for so long is taken for gone; its batches take some 60 ms. */
const ACK_TIMEOUT_MS = 10_000
/** A stream that the service does not read holds at most this many batches here. */
const OUTGOING_MAX = 1_000

function message(head: Partial<ConnectRequest>, reports?: ReportBlock): LaneUp {
  return { head: ConnectRequest.fromPartial(head), reports }
}

export class Lane {
  readonly #options: LaneOptions
  readonly #buffer = new LaneBuffer()
  #outgoing: Outgoing<LaneUp> | undefined
  #joins: LaneJoin[] = []
  #left: string[] = []
  #syncs: LaneSync[] = []
  /** Syncs that have no answer yet. */
  readonly #openSyncs = new Map<number, LaneSync>()
  readonly #sentAtMs = new Map<number, number>()
  #ackedAtMs = 0
  #thinned = 0
  #stream: AbortController | undefined

  constructor(options: LaneOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#outgoing !== undefined
  }

  get held(): number {
    return this.#buffer.held
  }

  report(report: NewReport): void {
    this.#buffer.add(report)
    this.#options.wake()
  }

  /** While the lane is down nothing is queued here: a new stream asks the sink what to join. */
  join(join: LaneJoin): void {
    if (!this.isUp) return
    // A leave that has not gone yet is taken back; `flush` sends leaves after joins.
    this.#left = this.#left.filter((tripId) => tripId !== join.tripId)
    this.#joins.push(join)
    this.#options.wake()
  }

  leave(tripId: string): void {
    if (!this.isUp) return
    this.#left.push(tripId)
    this.#options.wake()
  }

  sync(sync: LaneSync): void {
    this.#openSyncs.set(sync.ref, sync)
    if (!this.isUp) return
    this.#syncs.push(sync)
    this.#options.wake()
  }

  /** The caller no longer waits for the answer. */
  forgetSync(ref: number): void {
    this.#openSyncs.delete(ref)
  }

  /** Sends what has gathered. */
  flush(nowMs: number): void {
    const outgoing = this.#outgoing
    if (outgoing === undefined) return
    if (this.#buffer.isWaiting && nowMs - this.#ackedAtMs > ACK_TIMEOUT_MS) {
      this.#options.log.warn({ partition: this.#options.partition }, 'the lane acknowledges nothing')
      this.#stream?.abort()
      return
    }
    if (this.#joins.length > 0 || this.#syncs.length > 0) {
      // Before the positions: a driver who follows his own trip sees the next one.
      outgoing.push(message({ joins: this.#joins, syncs: this.#syncs }))
      this.#joins = []
      this.#syncs = []
    }
    if (this.#left.length > 0) {
      outgoing.push(message({ leftTripIds: this.#left }))
      this.#left = []
    }
    while (this.#buffer.hasBatch && outgoing.length < OUTGOING_MAX) {
      if (!this.#buffer.isWaiting) this.#ackedAtMs = nowMs
      const batch = this.#buffer.takeBatch()
      if (batch === undefined) break
      this.#sentAtMs.set(batch.seq, nowMs)
      outgoing.push(message({ seq: batch.seq }, batch.reports))
    }
    if (this.#buffer.thinned > this.#thinned) {
      this.#options.events.laneThinned(this.#buffer.thinned - this.#thinned)
      this.#thinned = this.#buffer.thinned
    }
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, partition } = this.#options
    let failures = 0
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const startedMs = clock.nowMs()
      try {
        await this.#connect(attempt, signal)
      } catch (error) {
        if (signal.aborted) return
        if (failures % 10 === 0) log.warn({ err: error, partition, failures }, 'lane lost')
      }
      failures = clock.nowMs() - startedMs > RECONNECT_MAX_MS ? 0 : failures + 1
      const waitMs = backoffMs(failures, {
        baseMs: RECONNECT_BASE_MS,
        maxMs: RECONNECT_MAX_MS,
        random: Math.random,
      })
      await pause(clock, waitMs, signal)
    }
  }

  async #connect(attempt: number, signal: AbortSignal): Promise<void> {
    const { partition, edgeId, epochMs, events, open } = this.#options
    const stream = new AbortController()
    const outgoing = new Outgoing<LaneUp>()
    const end = (): void => stream.abort()
    signal.addEventListener('abort', end, { once: true })
    this.#stream = stream
    let isUp = false
    try {
      outgoing.push(message({ hello: { edgeId, partition, epochMs } }))
      const responses = open(partition, attempt, outgoing, stream.signal)
      this.#restart(outgoing)
      isUp = true
      events.laneUp()
      for await (const response of responses) this.#receive(response)
    } finally {
      signal.removeEventListener('abort', end)
      stream.abort()
      outgoing.end()
      this.#outgoing = undefined
      if (isUp) events.laneDown()
    }
  }

  #restart(outgoing: Outgoing<LaneUp>): void {
    const { clock, partition, sink, wake } = this.#options
    this.#buffer.restart()
    this.#sentAtMs.clear()
    this.#ackedAtMs = clock.nowMs()
    this.#joins = sink.rejoins(partition)
    this.#left = []
    this.#syncs = [...this.#openSyncs.values()]
    this.#outgoing = outgoing
    wake()
  }

  #receive(down: LaneDown): void {
    const { sink, events, clock } = this.#options
    const response = down.rest
    if (response.ackedSeq > 0) {
      const nowMs = clock.nowMs()
      this.#ackedAtMs = nowMs
      this.#buffer.acknowledge(response.ackedSeq)
      for (const [seq, sentAtMs] of this.#sentAtMs) {
        if (seq > response.ackedSeq) break
        this.#sentAtMs.delete(seq)
        events.laneAcked(nowMs - sentAtMs)
      }
    }
    for (let index = 0; index < down.positionCount; index += 1) sink.position(down.positionAt(index))
    for (const joined of response.joined) sink.joined(joined)
    for (const synced of response.synced) {
      this.#openSyncs.delete(synced.ref)
      sink.synced(synced)
    }
    for (const refusal of response.refusals) sink.refused(refusal)
    for (const tripId of response.endedTripIds) sink.ended(tripId)
  }
}
