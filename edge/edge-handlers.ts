/** EdgeService: one function a method. Broadcasts go over NATS, since the people are on any edge. */
import type { GetTripResponse } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { EdgeServiceImplementation } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import type { LoadBoard } from './load.ts'
import { ADMIN_SUBJECT, tripSubject } from './pushes.ts'
import { isSosEvent } from './sos-names.ts'

export interface EdgeHandlersOptions {
  readonly edgeId: string
  readonly board: LoadBoard
  readonly connectionsHere: () => number
  /** Throws TRIP_NOT_FOUND or UNAVAILABLE. */
  readonly getTrip: (tripId: string) => Promise<GetTripResponse>
  /** False where it could not be sent. */
  readonly publish: (subject: string, data: Uint8Array) => boolean
  readonly clock: Clock
}

export function createEdgeHandlers(options: EdgeHandlersOptions): EdgeServiceImplementation<RpcContext> {
  const { edgeId, board, connectionsHere, getTrip, clock } = options

  function publish(subject: string, event: Partial<PushEvent>): void {
    if (options.publish(subject, PushEvent.encode(PushEvent.fromPartial(event)).finish())) return
    throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'Events cannot be sent right now.')
  }

  return {
    async broadcastToTrip({ tripId, type, data }) {
      if (isSosEvent(type)) {
        throw new DomainError(
          ErrorReason.ERROR_REASON_INVALID_REQUEST,
          'Alerts are never told to a whole trip.',
        )
      }
      const { driverId, passengerIds } = await getTrip(tripId)
      publish(tripSubject(tripId), { type, tripId, data, userIds: [driverId, ...passengerIds] })
      return {}
    },

    async broadcastToAdmin({ type, data }) {
      publish(ADMIN_SUBJECT, { type, data })
      return {}
    },

    async getConnectionCount() {
      const here = connectionsHere()
      const nodes = await board.list(clock.nowMs())
      const elsewhere = nodes
        .filter((node) => node.edgeId !== edgeId)
        .reduce((sum, { connections }) => sum + connections, 0)
      return { total: elsewhere + here, here }
    },

    async listEdges() {
      return { edges: await board.list(clock.nowMs()) }
    },

    async drainEdge(request) {
      const nodes = await board.list(clock.nowMs())
      if (!nodes.some((node) => node.edgeId === request.edgeId)) {
        throw new DomainError(ErrorReason.ERROR_REASON_EDGE_NOT_FOUND, 'No edge node of this id is there.')
      }
      await board.order(request.edgeId, true)
      return {}
    },
  }
}
