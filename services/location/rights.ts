/** Who may see a trip's positions. Pure. */
import type { LaneJoin } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import type { TripRecord } from './trip-state.ts'

function mayRead(record: TripRecord, caller: Caller): boolean {
  switch (caller.kind) {
    case 'service':
    case 'backend':
      return true
    case 'anonymous':
      return false
    case 'viewer':
      return caller.scope === `trip:${record.tripId}`
    case 'user':
      return (
        caller.role === 'admin' ||
        caller.userId === record.driverId ||
        record.passengerIds.includes(caller.userId)
      )
  }
}

/** Throws NOT_A_PARTICIPANT. */
export function checkReader(record: TripRecord, caller: Caller): void {
  if (mayRead(record, caller)) return
  throw new DomainError(
    ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
    'only the participants of a trip see its positions',
    { metadata: { tripId: record.tripId } },
  )
}

/** Throws FORBIDDEN: the audience lets viewers in, of whom only those of the fleet may see it. */
export function checkFleetReader(caller: Caller): void {
  if (caller.kind !== 'viewer' || caller.scope === 'fleet') return
  throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'the link opens one trip, not the fleet')
}

/** The person behind a socket, as the edge has checked. */
export function joiner({ role, userId, scope }: LaneJoin): Caller {
  if (role === 'viewer') return { kind: 'viewer', scope }
  if (role === 'admin' || role === 'driver' || role === 'passenger') {
    return { kind: 'user', userId, role, deviceId: '' }
  }
  throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'the join names no known role')
}
