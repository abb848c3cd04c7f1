/** EdgeService: one function a method. Broadcasts go over NATS, since the people are on any edge. */
import type { GetTripResponse } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { EdgeNode, EdgeServiceImplementation } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type NewEvent, Severity } from '@hushryd/kernel/event-log.ts'
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
  /** Rejects where the log of the operations room does not take it. */
  readonly record: (event: NewEvent) => Promise<void>
  readonly clock: Clock
}

/** As if those that are not draining had all sockets, evenly; 0 where all are. */
function meanOf(edges: readonly EdgeNode[]): number {
  const staying = edges.filter(({ draining }) => !draining).length
  return staying === 0 ? 0 : edges.reduce((sum, { connections }) => sum + connections, 0) / staying
}

export function createEdgeHandlers(options: EdgeHandlersOptions): EdgeServiceImplementation<RpcContext> {
  const { edgeId, board, connectionsHere, getTrip, record, clock } = options

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
      const readAt = clock.nowMs()
      const edges = await board.list(readAt)
      return { edges, meanConnections: meanOf(edges), readAt }
    },

    async drainEdge({ edgeId: wanted, undo }, { caller }) {
      const node = (await board.list(clock.nowMs())).find((each) => each.edgeId === wanted)
      if (node === undefined) {
        throw new DomainError(ErrorReason.ERROR_REASON_EDGE_NOT_FOUND, 'No edge node of this id is there.')
      }
      const { connections } = node
      await record({
        type: undo ? 'edge.drain_undone' : 'edge.drain_ordered',
        severity: Severity.INFO,
        data: { edgeId: wanted, connections, by: caller.kind === 'user' ? caller.userId : caller.kind },
      })
      await board.order(wanted, !undo)
      return { connections }
    },
  }
}
