/** A join that the lane has not answered, and what goes over the lane for it. Pure. */
import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import type { LaneJoin } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import type { Connection } from './connection.ts'
import type { TripPosition } from './room.ts'
import { binaryFrame } from './ws-frame.ts'

export interface OpenJoin {
  readonly ref: number
  readonly tripId: string
  readonly dueAtMs: number
  readonly sinceMs: number
  /** Undefined where the edge joins again by itself. */
  readonly socket:
    | { readonly connection: Connection; readonly frameId: string; readonly didFollow: boolean }
    | undefined
}

/** A position of an answer in the form that live ones come in. */
export function encodePosition(tripId: string, position: Position): TripPosition {
  const frame = ServerFrame.encode({
    id: '',
    frame: { $case: 'trip', value: { tripId, updates: [position] } },
  }).finish()
  const { userId, timestampMs } = position
  return { tripId, userId, timestampMs, binary: binaryFrame(frame), json: undefined }
}

export function laneJoinOf({ ref, tripId, sinceMs, socket }: OpenJoin): LaneJoin {
  if (socket === undefined) return { ref, tripId, sinceMs, userId: '', role: '', scope: '', rejoin: true }
  const { identity, role } = socket.connection
  const { caller } = identity
  return {
    ref,
    tripId,
    sinceMs,
    userId: caller.kind === 'user' ? caller.userId : '',
    role,
    scope: caller.kind === 'viewer' ? caller.scope : '',
    rejoin: false,
  }
}
