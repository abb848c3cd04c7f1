/**
 * The services behind an edge, as small as they can be: one gRPC server with
 * the directory's trips and the location service's side of the lane. Rights,
 * times and ranges are checked; nothing is stored but the newest positions.
 */
import {
  DirectoryServiceDefinition,
  type GetTripResponse,
  TripStatus,
} from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import {
  type ConnectRequest,
  ConnectResponse,
  type LaneJoin,
  type LaneSync,
  type Report,
} from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { type RpcServer, startRpcServer } from '@hushryd/kernel/rpc/server.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { withDefaults } from '@hushryd/kernel/testing/rpc-services.ts'
import { Outgoing } from '../outgoing.ts'

export const PEER_KEY = 'peer-key-of-the-edge-tests'
export const SERVICE_KEY = 'service-key-of-the-edge-tests'

const FUTURE_MS_MAX = 60_000
const AGE_MS_MAX = 3_600_000

/** One edge's stream. */
class FakeLane {
  readonly edgeId: string
  readonly trips = new Set<string>()
  readonly out = new Outgoing<ConnectResponse>()

  constructor(edgeId: string) {
    this.edgeId = edgeId
  }

  send(response: Partial<ConnectResponse>): void {
    this.out.push(ConnectResponse.fromPartial(response))
  }
}

function refusalOf({ position }: Report, trip: GetTripResponse | undefined): ErrorReason | undefined {
  if (position === undefined || trip === undefined) return ErrorReason.ERROR_REASON_TRIP_NOT_FOUND
  if (!(Math.abs(position.lat) <= 90 && Math.abs(position.lng) <= 180)) {
    return ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE
  }
  if (position.timestampMs > Date.now() + FUTURE_MS_MAX) return ErrorReason.ERROR_REASON_POSITION_IN_FUTURE
  if (position.timestampMs < Date.now() - AGE_MS_MAX) return ErrorReason.ERROR_REASON_POSITION_TOO_OLD
  return trip.driverId === position.userId ? undefined : ErrorReason.ERROR_REASON_NOT_THE_DRIVER
}

function detail(reason: ErrorReason) {
  return { reason, message: errorOf(reason).name, retryAfterMs: 0 }
}

export class FakeServices implements AsyncDisposable {
  readonly #trips = new Map<string, GetTripResponse>()
  readonly #latest = new Map<string, Position>()
  readonly #lanes = new Set<FakeLane>()
  readonly syncs: LaneSync[] = []
  readonly reports: Report[] = []
  #server: RpcServer | undefined

  async start(port = 0): Promise<this> {
    this.#server = await startRpcServer({
      name: 'fake services',
      host: '127.0.0.1',
      port,
      trust: { mode: 'key', peerKey: PEER_KEY, serviceKey: SERVICE_KEY },
      log: createMemoryLog().log,
      metrics: createMetrics('fake'),
      register: (add) => {
        add(DirectoryServiceDefinition, withDefaults(DirectoryServiceDefinition, this.#directory()))
        add(LocationServiceDefinition, withDefaults(LocationServiceDefinition, this.#location()))
      },
    })
    return this
  }

  get address(): string {
    return `127.0.0.1:${this.#server?.port ?? 0}`
  }

  get laneCount(): number {
    return this.#lanes.size
  }

  putTrip(
    tripId: string,
    driverId: string,
    passengerIds: string[],
    status: TripStatus = TripStatus.ACTIVE,
  ): void {
    this.#trips.set(tripId, {
      tripId,
      driverId,
      passengerIds,
      bookingId: '',
      status,
      updatedAt: Date.now(),
      version: 1,
    })
  }

  /** As a flush does: to every lane that follows the trip. */
  deliver(tripId: string, position: Position): void {
    this.#latest.set(tripId, position)
    const frame = ServerFrame.encode({
      id: '',
      frame: { $case: 'trip', value: { tripId, updates: [position] } },
    }).finish()
    const { userId, timestampMs } = position
    for (const lane of this.#lanes) {
      if (lane.trips.has(tripId))
        lane.send({ trips: [{ tripId, userId, timestampMs, frame: Buffer.from(frame) }] })
    }
  }

  endTrip(tripId: string): void {
    for (const lane of this.#lanes) if (lane.trips.delete(tripId)) lane.send({ endedTripIds: [tripId] })
  }

  async stop(): Promise<void> {
    await this.#server?.stop(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #directory() {
    return {
      getTrip: async ({ tripId }: { tripId: string }) => {
        const trip = this.#trips.get(tripId)
        if (trip === undefined)
          throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'There is no such trip.')
        return trip
      },
    }
  }

  #location() {
    return { connect: (requests: AsyncIterable<ConnectRequest>) => this.#connect(requests) }
  }

  async *#connect(requests: AsyncIterable<ConnectRequest>): AsyncGenerator<ConnectResponse> {
    const iterator = requests[Symbol.asyncIterator]()
    const first = await iterator.next()
    if (first.done === true) return
    const lane = new FakeLane(first.value.hello?.edgeId ?? '')
    this.#lanes.add(lane)
    const read = async (): Promise<void> => {
      try {
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
          this.#take(lane, next.value)
        }
      } finally {
        lane.out.end()
      }
    }
    const reading = read().catch(() => undefined)
    try {
      yield* lane.out
    } finally {
      this.#lanes.delete(lane)
      void reading
    }
  }

  #take(lane: FakeLane, { seq, reports, backfill, joins, leftTripIds, syncs }: ConnectRequest): void {
    for (const report of [...reports, ...backfill]) this.#report(lane, report)
    if (seq > 0) lane.send({ ackedSeq: seq })
    for (const tripId of leftTripIds) lane.trips.delete(tripId)
    for (const join of joins) this.#join(lane, join)
    for (const sync of syncs) this.#sync(lane, sync)
  }

  #report(lane: FakeLane, report: Report): void {
    this.reports.push(report)
    const { tripId, position, connection, frameId } = report
    const reason = refusalOf(report, this.#trips.get(tripId))
    if (reason !== undefined) lane.send({ refusals: [{ connection, frameId, error: detail(reason) }] })
    else if (position !== undefined) this.deliver(tripId, position)
  }

  #join(lane: FakeLane, { ref, tripId, userId, role, scope, rejoin }: LaneJoin): void {
    const trip = this.#trips.get(tripId)
    const isAllowed =
      rejoin ||
      role === 'admin' ||
      scope === `trip:${tripId}` ||
      trip?.driverId === userId ||
      trip?.passengerIds.includes(userId) === true
    const reason =
      trip === undefined
        ? ErrorReason.ERROR_REASON_TRIP_NOT_FOUND
        : isAllowed
          ? undefined
          : ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT
    if (reason !== undefined) {
      lane.send({ joined: [{ ref, error: detail(reason), latest: undefined, missed: [], complete: false }] })
      return
    }
    lane.trips.add(tripId)
    const latest = this.#latest.get(tripId)
    lane.send({ joined: [{ ref, error: undefined, latest, missed: [], complete: true }] })
  }

  #sync(lane: FakeLane, sync: LaneSync): void {
    this.syncs.push(sync)
    const rejected = sync.reports.flatMap((report, index) => {
      const reason = refusalOf(report, this.#trips.get(report.tripId))
      return reason === undefined ? [] : [{ index, reason: errorOf(reason).name }]
    })
    const accepted = sync.reports.length - rejected.length
    lane.send({ synced: [{ ref: sync.ref, accepted, rejected, error: undefined }] })
  }
}
