/** Connect: one edge's lane, from its hello to its disconnect. */
import type { ConnectRequest, LaneJoin, LaneSync, Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { RejectedPosition } from '@hushryd/gen/hushryd/location/v1/position.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { toDomainError } from '@hushryd/kernel/rpc/error-wire.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import { type Batch, NOBODY, type RefusalSink, type Settlements } from './batch.ts'
import type { Feed } from './feed.ts'
import { follow, unfollow } from './followers.ts'
import { type Intake, Kind, type Source } from './intake.ts'
import { Lane } from './lane.ts'
import type { LaneDown } from './lane-codec.ts'
import { refusalError, refusalName } from './refusal.ts'
import { checkReader, joiner } from './rights.ts'
import type { SnapshotReader } from './snapshot.ts'
import type { Trip } from './trip-state.ts'
import { isOver, type Trips } from './trips.ts'

export interface Lanes {
  connect(requests: AsyncIterable<ConnectRequest>, context: LaneContext): AsyncGenerator<LaneDown>
  /** Lanes with news send it. */
  wakeAll(): void
  readonly count: number
}

export type LaneContext = Pick<RpcContext, 'caller'> & { readonly signal: AbortSignal }

export interface LanesOptions {
  readonly intake: Intake
  readonly trips: Trips
  readonly settlements: Settlements
  readonly snapshots: SnapshotReader
  readonly feed: Feed
  readonly clock: Clock
  readonly log: Log
  readonly partitions: number
}

const EDGE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
/** Batches that one lane has on their way through flushes; an edge that sends on regardless is broken. */
const BATCHES_MAX = 50_000
/** Positions in one sync: the socket's frame holds no more. */
const SYNC_MAX = 500

export function createLanes(options: LanesOptions): Lanes {
  const { intake, trips, settlements, snapshots, feed, clock, log, partitions } = options
  const lanes = new Map<string, Lane>()

  function open({ hello }: ConnectRequest): Lane {
    if (hello === undefined || !EDGE_ID.test(hello.edgeId))
      throw invalid('the first message is a hello with the edge’s id')
    if (!(hello.partition >= 0 && hello.partition < partitions)) throw invalid('there is no such partition')
    const name = `${hello.edgeId}/${hello.partition}`
    const earlier = lanes.get(name)
    if (earlier !== undefined && earlier.name.epochMs > hello.epochMs)
      throw invalid('a later start of this edge is connected')
    if (earlier !== undefined) close(earlier)
    const lane = new Lane({ edgeId: hello.edgeId, partition: hello.partition, epochMs: hello.epochMs })
    lanes.set(name, lane)
    log.info({ edgeId: hello.edgeId, partition: hello.partition }, 'lane opened')
    return lane
  }

  function close(lane: Lane): void {
    if (lane.isClosed) return
    lane.close()
    for (const trip of lane.trips) unfollow(trip, lane)
    lane.trips.clear()
    const name = `${lane.name.edgeId}/${lane.name.partition}`
    if (lanes.get(name) === lane) lanes.delete(name)
    feed.unlisten(lane.name.partition)
    log.info({ edgeId: lane.name.edgeId, partition: lane.name.partition }, 'lane closed')
  }

  function take(lane: Lane, request: ConnectRequest, ready: Promise<void>): void {
    const { reports, backfill, seq } = request
    if (seq > 0) {
      const batch = lane.expect(seq)
      takeAll(lane, reports, backfill, () => lane.settle(batch))
    }
    // A trip that is left and joined in one batch is followed: too many positions do less harm than none.
    for (const tripId of request.leftTripIds) leave(lane, tripId)
    for (const join of request.joins) void answerJoin(lane, join, ready)
    for (const sync of request.syncs) takeSync(lane, sync)
    if (lane.unsettled > BATCHES_MAX) throw invalid('too many batches await their acknowledgement')
  }

  function takeAll(
    lane: Lane,
    reports: readonly Report[],
    backfill: readonly Report[],
    settle: () => void,
  ): void {
    const batch: Batch = { open: 0, flush: 0, settle }
    const common = { batch, nowMs: clock.nowMs(), reporter: 'driver' } as const
    const live: Source = { ...common, kind: Kind.LIVE, sink: lane }
    const again: Source = { ...common, kind: Kind.BACKFILL, sink: NOBODY }
    let index = 0
    for (const report of reports) intake.take(live, report, index++)
    for (const report of backfill) intake.take(again, report, index++)
    settlements.add(batch)
  }

  /** Answered once the positions are safe: the app forgets them then. */
  function takeSync(lane: Lane, { ref, userId, reports }: LaneSync): void {
    if (reports.length > SYNC_MAX) {
      const error = {
        reason: ErrorReason.ERROR_REASON_TOO_LARGE,
        message: `at most ${SYNC_MAX} positions a sync`,
        retryAfterMs: 0,
      }
      lane.answerSync({ ref, accepted: 0, rejected: [], error })
      return
    }
    const rejected: RejectedPosition[] = []
    const sink: RefusalSink = {
      refuse: (_report, index, reason) => void rejected.push({ index, reason: refusalName(reason) }),
    }
    const settle = (): void => {
      rejected.sort((a, b) => a.index - b.index)
      lane.answerSync({ ref, accepted: reports.length - rejected.length, rejected, error: undefined })
    }
    const batch: Batch = { open: 0, flush: 0, settle }
    const source: Source = { kind: Kind.BACKFILL, batch, sink, nowMs: clock.nowMs(), reporter: 'driver' }
    reports.forEach((report, index) => {
      if (report.position !== undefined) report.position.userId = userId
      intake.take(source, report, index)
    })
    settlements.add(batch)
  }

  function leave(lane: Lane, tripId: string): void {
    for (const joining of lane.joining) if (joining.tripId === tripId) joining.isLeft = true
    const trip = trips.find(tripId)
    if (trip === undefined || !lane.trips.delete(trip)) return
    unfollow(trip, lane)
  }

  async function answerJoin(lane: Lane, join: LaneJoin, ready: Promise<void>): Promise<void> {
    const { ref } = join
    const joining = { tripId: join.tripId, isLeft: false }
    lane.joining.add(joining)
    try {
      const trip = await findJoined(join)
      if (lane.isClosed || joining.isLeft) return
      // Before the snapshot is read: what comes from now on is delivered.
      follow(trip, lane)
      lane.trips.add(trip)
      await ready
      const { latest, missed, isComplete } = await snapshots.read(trip, join.sinceMs)
      if (trip.isOver) throw tripEnded()
      lane.answerJoin({ ref, error: undefined, latest, missed, complete: isComplete })
    } catch (thrown) {
      const { reason, message, retryAfterMs } = toDomainError(thrown)
      if (reason === ErrorReason.ERROR_REASON_INTERNAL) log.error({ err: thrown }, 'join failed')
      lane.answerJoin({
        ref,
        error: { reason, message, retryAfterMs },
        latest: undefined,
        missed: [],
        complete: false,
      })
    } finally {
      lane.joining.delete(joining)
    }
  }

  async function findJoined(join: LaneJoin): Promise<Trip> {
    if (join.rejoin) return await findRejoined(join.tripId)
    const trip = await trips.get(join.tripId)
    checkReader(trip.record, joiner(join))
    if (isOver(trip.record.status)) throw tripEnded()
    return trip
  }

  /** The room exists already, so the directory is asked for the trip's end only, and need not answer. */
  async function findRejoined(tripId: string): Promise<Trip> {
    try {
      const trip = await trips.get(tripId)
      if (isOver(trip.record.status)) throw tripEnded()
      return trip
    } catch (error) {
      const trip = trips.find(tripId)
      const isAway = error instanceof DomainError && error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
      if (!isAway || trip === undefined) throw error
      return trip
    }
  }

  return {
    get count() {
      return lanes.size
    },
    wakeAll() {
      for (const lane of lanes.values()) lane.wake()
    },
    async *connect(requests, { caller, signal }) {
      if (caller.kind !== 'service' || caller.name !== 'edge') {
        throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'lanes are for edges')
      }
      const iterator = requests[Symbol.asyncIterator]()
      const first = await iterator.next()
      if (first.done === true) return
      const lane = open(first.value)
      const ready = feed.listen(lane.name.partition)
      const end = (): void => close(lane)
      signal.addEventListener('abort', end)
      let failure: unknown
      const reading = read(lane, iterator, ready).catch((error: unknown) => {
        failure = error
      })
      try {
        // Anything else in the first message counts as well.
        take(lane, first.value, ready)
        for (let down = await lane.next(); down !== undefined; down = await lane.next()) yield down
        if (failure !== undefined && !signal.aborted) throw failure
      } finally {
        signal.removeEventListener('abort', end)
        close(lane)
        void reading
      }
    },
  }

  async function read(
    lane: Lane,
    iterator: AsyncIterator<ConnectRequest>,
    ready: Promise<void>,
  ): Promise<void> {
    try {
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        if (lane.isClosed) return
        take(lane, next.value, ready)
      }
    } finally {
      close(lane)
    }
  }
}

function invalid(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, message)
}

function tripEnded(): DomainError {
  return refusalError(ErrorReason.ERROR_REASON_TRIP_ENDED)
}
