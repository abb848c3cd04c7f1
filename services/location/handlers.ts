/** One function a method: check, call, encode. Connect is in lane-handler.ts. */
import type { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type {
  FindNearbyRequest,
  FindNearbyResponse,
  GetLatestLocationRequest,
  GetLatestLocationResponse,
  GetTrailRequest,
  GetTrailResponse,
  NearbyDriver,
  ReportLocationRequest,
  ReportLocationResponse,
  ReportLocationsRequest,
  ReportLocationsResponse,
  WatchFleetRequest,
  WatchFleetResponse,
  WatchTripRequest,
  WatchTripResponse,
} from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Position, RejectedPosition } from '@hushryd/gen/hushryd/location/v1/position.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import type { Batch, RefusalSink, Settlements } from './batch.ts'
import { type Box, EVERYWHERE } from './box.ts'
import type { Feed } from './feed.ts'
import { distanceM, type Fix } from './fix.ts'
import type { FleetWatch } from './fleet-watch.ts'
import { type Intake, Kind } from './intake.ts'
import type { LiveReader } from './live-reader.ts'
import { refusalError, refusalName } from './refusal.ts'
import { checkFleetReader, checkReader } from './rights.ts'
import { type SnapshotReader, TRAIL_MAX } from './snapshot.ts'
import { newest, newestOf } from './trip-state.ts'
import { watchTrip } from './trip-watch.ts'
import { isOver, type Trips } from './trips.ts'

type Context = RpcContext & { readonly signal: AbortSignal }

export interface HandlersOptions {
  readonly intake: Intake
  readonly trips: Trips
  readonly settlements: Settlements
  readonly reader: LiveReader
  readonly snapshots: SnapshotReader
  readonly feed: Feed
  readonly fleet: FleetWatch
  readonly clock: Clock
  /** Fixes whose reporter waits to hear whether they became the latest. */
  readonly awaited: Map<Fix, () => void>
}

const REJECTED_MAX = 100
const NEARBY_RADIUS_M = 3_000
const NEARBY_MAX = 50
const TRAIL_MS = 3_600_000

export function createHandlers(options: HandlersOptions) {
  const { intake, trips, settlements, reader, snapshots, feed, fleet, clock, awaited } = options

  async function reportLocation(
    request: ReportLocationRequest,
    { caller }: Context,
  ): Promise<ReportLocationResponse> {
    const { tripId, ...rest } = request
    const position = { ...rest, userId: caller.kind === 'user' ? caller.userId : '' }
    const { promise, resolve, reject } = Promise.withResolvers<ReportLocationResponse>()
    let stored = false
    const sink: RefusalSink = { refuse: (_report, _index, reason) => reject(refusalError(reason)) }
    const batch: Batch = { open: 0, flush: 0, settle: () => resolve({ stored }) }
    awaited.set(position, () => {
      stored = true
    })
    const reporter = caller.kind === 'service' ? 'any' : 'driver'
    intake.take(
      { kind: Kind.LIVE, batch, sink, nowMs: clock.nowMs(), reporter },
      reportOf(tripId, position),
      0,
    )
    settlements.add(batch)
    try {
      return await promise
    } finally {
      awaited.delete(position)
    }
  }

  async function reportLocations(
    requests: AsyncIterable<ReportLocationsRequest>,
  ): Promise<ReportLocationsResponse> {
    const rejected: RejectedPosition[] = []
    let refusals = 0
    let count = 0
    const sink: RefusalSink = {
      refuse(_report, index, reason) {
        refusals++
        if (rejected.length < REJECTED_MAX) rejected.push({ index, reason: refusalName(reason) })
      },
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    const batch: Batch = { open: 0, flush: 0, settle: resolve }
    for await (const { tripId, position } of requests) {
      const source = { kind: Kind.LIVE, batch, sink, nowMs: clock.nowMs(), reporter: 'any' } as const
      intake.take(source, reportOf(tripId, position), count++)
    }
    settlements.add(batch)
    await promise
    rejected.sort((a, b) => a.index - b.index)
    return { accepted: count - refusals, rejected }
  }

  async function getLatestLocation(
    { tripId }: GetLatestLocationRequest,
    { caller }: Context,
  ): Promise<GetLatestLocationResponse> {
    const trip = await trips.get(tripId)
    checkReader(trip.record, caller)
    const remembered = newestOf(trip)
    const stored = await reader.findLatest(tripId).catch((error: unknown) => {
      // While Redis is away this pod's own memory is the best there is.
      if (remembered === undefined) throw error
      return []
    })
    const found = newest([remembered, ...stored])
    if (found === undefined) {
      throw new DomainError(ErrorReason.ERROR_REASON_NO_POSITION, 'the trip has no position yet', {
        metadata: { tripId },
      })
    }
    return { ...found, tripId }
  }

  async function* watchTripOf(
    request: WatchTripRequest,
    { caller, signal }: Context,
  ): AsyncGenerator<WatchTripResponse> {
    const trip = await trips.get(request.tripId)
    checkReader(trip.record, caller)
    if (isOver(trip.record.status)) throw refusalError(ErrorReason.ERROR_REASON_TRIP_ENDED)
    yield* watchTrip(trip, request.sinceMs, signal, { feed, snapshots })
  }

  async function* watchFleet(
    request: WatchFleetRequest,
    { caller, signal }: Context,
  ): AsyncGenerator<WatchFleetResponse> {
    checkFleetReader(caller)
    if (request.south > request.north) {
      throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'the box is upside down', {
        violations: [{ field: 'south', description: 'not north of `north`' }],
      })
    }
    yield* fleet.watch(boxOf(request), request.vehiclesMax, signal)
  }

  async function getTrail(request: GetTrailRequest, { caller }: Context): Promise<GetTrailResponse> {
    const now = clock.nowMs()
    const fromMs = request.fromMs === 0 ? now - TRAIL_MS : request.fromMs
    // Phones' clocks run ahead, so the end is open where none is asked for.
    const toMs = request.toMs === 0 ? Number.MAX_SAFE_INTEGER : request.toMs
    if (fromMs > toMs) {
      throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'the range ends before it begins', {
        violations: [{ field: 'from_ms', description: 'not after to_ms' }],
      })
    }
    const trip = await trips.get(request.tripId)
    checkReader(trip.record, caller)
    const fixesMax = request.updatesMax === 0 ? TRAIL_MAX : request.updatesMax
    const { fixes, isComplete } = await snapshots.readTrail(request.tripId, { fromMs, toMs, fixesMax })
    return { updates: fixes, complete: isComplete }
  }

  async function findNearby({
    lat,
    lng,
    radiusM,
    driversMax,
  }: FindNearbyRequest): Promise<FindNearbyResponse> {
    const radius = radiusM === 0 ? NEARBY_RADIUS_M : radiusM
    const found = await reader.findNear(lat, lng, radius, driversMax === 0 ? NEARBY_MAX : driversMax)
    const drivers = await Promise.all(
      found.map(async ({ tripId }): Promise<NearbyDriver | undefined> => {
        const fix = newest(await reader.findLatest(tripId))
        // The index may be up to an hour behind the end of its positions.
        if (fix === undefined) return undefined
        const { userId, timestampMs } = fix
        const distance = distanceM(lat, lng, fix.lat, fix.lng)
        return { userId, tripId, distanceM: distance, lat: fix.lat, lng: fix.lng, timestampMs }
      }),
    )
    // The index holds places of up to a second ago: what has left the circle since is left out.
    return {
      drivers: drivers
        .filter((driver) => driver !== undefined)
        .filter(({ distanceM }) => distanceM <= radius)
        .sort((a, b) => a.distanceM - b.distanceM),
    }
  }

  return {
    reportLocation,
    reportLocations,
    getLatestLocation,
    watchTrip: watchTripOf,
    watchFleet,
    getTrail,
    findNearby,
  }
}

/** A request that names no side means everywhere, where protobuf's defaults would make it one point in the sea. */
function boxOf({ south, west, north, east }: WatchFleetRequest): Box {
  const isUnset = south === 0 && west === 0 && north === 0 && east === 0
  return isUnset ? EVERYWHERE : { south, west, north, east }
}

function reportOf(tripId: string, position: Position | undefined): Report {
  return { tripId, position, connection: 0, receivedMs: 0, frameId: '' }
}
