/** What happens to a frame: rate, decoding, and the part that it is for. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { CLOSE } from './close-codes.ts'
import type { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'
import type { ClientMessage } from './frames/codec.ts'
import { isSession } from './identity.ts'
import { FRAME_BYTES_MAX } from './limits.ts'
import { countFrame, mayTell, retryAfterMs } from './rate.ts'
import type { Rooms } from './rooms.ts'
import type { SocketCalls } from './socket-calls.ts'
import { isSosMethod } from './sos-names.ts'
import type { Uplink } from './uplink.ts'

export interface DispatchParts {
  readonly rooms: Rooms
  readonly uplink: Uplink
  readonly calls: SocketCalls
  readonly events: EdgeEvents
  /** Reads of the socket are paused; to be resumed within a second. */
  readonly pauseReads: (connection: Connection) => void
}

/** For every complete WebSocket message. */
export type Dispatch = (connection: Connection, data: Buffer, isBinary: boolean, nowMs: number) => void

export function createDispatch({ rooms, uplink, calls, events, pauseReads }: DispatchParts): Dispatch {
  function handle(connection: Connection, message: ClientMessage): void {
    switch (message.kind) {
      case 'location':
        uplink.report(connection, message.id, message.location)
        return
      case 'locations':
        uplink.sync(connection, message.id, message.updates)
        return
      case 'join':
        checkScope(connection, message.tripId)
        rooms.join(connection, message.id, message.tripId, message.sinceMs)
        return
      case 'leave':
        rooms.leave(connection, message.tripId)
        return
      case 'call':
        calls.call(connection, message)
        return
      case 'cancel':
        calls.cancel(connection, message.id)
        return
      case 'ping':
        connection.send({ id: message.id, frame: { $case: 'pong', value: {} } })
        return
      case 'invalid':
        connection.sendError(message.id, message.error)
    }
  }

  function takeOrRefuse(connection: Connection, message: ClientMessage): void {
    events.frameIn(message.kind)
    try {
      handle(connection, message)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      connection.sendError(message.id, error)
    }
  }

  /** A frame over the rate. Its id costs a decode, which is what the limit is about: only small ones get it. */
  function refuseExcess(connection: Connection, data: Buffer, nowMs: number): void {
    const { rate, codec } = connection
    const message = data.length <= EXCESS_DECODE_BYTES_MAX ? codec.decode(data) : undefined
    if (message?.kind === 'call' && isSosMethod(message.method)) {
      // An alert is taken at any rate.
      takeOrRefuse(connection, message)
      return
    }
    const id = message?.id ?? ''
    if (id === '' && !mayTell(rate, nowMs)) return
    connection.sendError(
      id,
      new DomainError(ErrorReason.ERROR_REASON_RATE_LIMITED, 'Too many frames.', {
        retryAfterMs: retryAfterMs(rate),
      }),
    )
  }

  return function dispatch(connection, data, isBinary, nowMs) {
    connection.seenAtMs = nowMs
    if (!connection.isOpen) return
    const { rate, codec } = connection
    const verdict = countFrame(rate, nowMs)
    if (verdict !== 'take') {
      refuseExcess(connection, data, nowMs)
      if (verdict === 'refuse and pause') pauseReads(connection)
      return
    }
    if (data.length > FRAME_BYTES_MAX) {
      connection.sendError(
        '',
        new DomainError(ErrorReason.ERROR_REASON_TOO_LARGE, `A frame has at most ${FRAME_BYTES_MAX} bytes.`),
      )
      connection.close(CLOSE.TOO_LARGE, 'the frame is too large')
      return
    }
    if (isBinary === connection.isJson) {
      const message = connection.isJson
        ? 'This subprotocol takes text frames.'
        : 'This subprotocol takes binary frames.'
      connection.sendError('', new DomainError(ErrorReason.ERROR_REASON_MALFORMED, message))
      return
    }
    takeOrRefuse(connection, codec.decode(data))
  }
}

/** Frames over the rate are decoded for their id up to this size. */
const EXCESS_DECODE_BYTES_MAX = 1_024

/** A share link opens one trip; the rights of people are the location service's to check. */
function checkScope({ identity }: Connection, tripId: string): void {
  if (isSession(identity) || identity.tripId === '' || identity.tripId === tripId) return
  throw new DomainError(ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT, 'The link opens another trip.')
}
