/** The directory as the location service sees it: GetTrip over gRPC, and what it tells over NATS. */
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { CacheInvalidated, PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { subjectToken } from '@hushryd/kernel/stores/nats.ts'
import { startTestRpc, type TestRpc } from '@hushryd/kernel/testing/rpc-services.ts'
import type { NatsConnection } from '@nats-io/transport-node'

export interface FakeTrip {
  readonly driverId: string
  readonly passengerIds: readonly string[]
  readonly status: TripStatus
}

interface StoredTrip extends FakeTrip {
  readonly version: number
}

export class FakeDirectory implements AsyncDisposable {
  /** Answers UNAVAILABLE meanwhile. */
  isAway = false
  lookups = 0
  readonly #trips = new Map<string, StoredTrip>()
  readonly #nats: NatsConnection
  #rpc: TestRpc | undefined

  constructor(nats: NatsConnection) {
    this.#nats = nats
  }

  get address(): string {
    if (this.#rpc === undefined) throw new Error('the directory is not started')
    return this.#rpc.address
  }

  async start(): Promise<this> {
    this.#rpc = await startTestRpc({ getTrip: async ({ tripId }) => this.#getTrip(tripId) })
    return this
  }

  /** Stores a trip and tells of it, as the real one does. */
  put(tripId: string, trip: FakeTrip): void {
    const before = this.#trips.get(tripId)
    const version = (before?.version ?? 0) + 1
    this.#trips.set(tripId, { ...trip, version })
    const token = subjectToken(tripId)
    const change = CacheInvalidated.encode({ kind: 'trip', id: tripId, version }).finish()
    this.#nats.publish(`cache.invalidate.trip.${token}`, change)
    if (before?.status === trip.status) return
    const type = EVENTS[trip.status]
    if (type === undefined) return
    const tripEnded = trip.status === TripStatus.COMPLETED || trip.status === TripStatus.CANCELLED
    const userIds = [trip.driverId, ...trip.passengerIds]
    const event = PushEvent.encode({ type, tripId, data: {}, userIds, userId: '', tripEnded })
    this.#nats.publish(`push.trip.${token}`, event.finish())
  }

  end(tripId: string): void {
    const trip = this.#trips.get(tripId)
    if (trip === undefined) throw new Error(`no trip ${tripId}`)
    this.put(tripId, { ...trip, status: TripStatus.COMPLETED })
  }

  #getTrip(tripId: string) {
    this.lookups++
    if (this.isAway) throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'away')
    const trip = this.#trips.get(tripId)
    if (trip === undefined) throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'no such trip')
    return { ...trip, tripId, passengerIds: [...trip.passengerIds], bookingId: '', updatedAt: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rpc?.[Symbol.asyncDispose]()
  }
}

const EVENTS: Readonly<Record<TripStatus, string | undefined>> = {
  [TripStatus.TRIP_STATUS_UNSPECIFIED]: undefined,
  [TripStatus.SCHEDULED]: undefined,
  [TripStatus.ACTIVE]: 'trip.started',
  [TripStatus.COMPLETED]: 'trip.completed',
  [TripStatus.CANCELLED]: 'trip.cancelled',
}
