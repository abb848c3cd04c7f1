/**
 * The handlers of all sockets' events: shared functions that find the
 * connection on the emitter, where closures would cost memory a socket.
 */
import type { Socket } from 'node:net'
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { WebSocket } from 'ws'
import { CLOSE } from './close-codes.ts'
import type { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'
import type { Dispatch } from './frame-dispatch.ts'
import type { PausedReads } from './paused-reads.ts'
import { countFrame } from './rate.ts'
import { createWholeFrames } from './whole-frames.ts'

const CONNECTION = Symbol('connection')
type Carrier = { [CONNECTION]?: Connection }

export interface SocketHandlersOptions {
  readonly dispatch: Dispatch
  readonly pausedReads: PausedReads
  readonly onGone: (connection: Connection) => void
  readonly events: EdgeEvents
  readonly log: Log
  readonly clock: Clock
}

/** Answers how to attach them to a new connection. */
export function createSocketHandlers(options: SocketHandlersOptions): (connection: Connection) => void {
  const { dispatch, pausedReads, onGone, events, log, clock } = options

  function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
    take(this, data, isBinary)
  }

  function take(ws: WebSocket & Carrier, data: Buffer, isBinary: boolean): void {
    const connection = ws[CONNECTION]
    if (connection === undefined) return
    try {
      dispatch(connection, data, isBinary, clock.nowMs())
    } catch (error) {
      // One socket's frame must not end the process of all.
      log.error({ err: error }, 'a frame failed')
      connection.close(CLOSE.INTERNAL, 'an internal error occurred')
    }
  }

  function onPing(this: WebSocket & Carrier, data: Buffer): void {
    const connection = this[CONNECTION]
    if (connection === undefined || !connection.isOpen) return
    const nowMs = clock.nowMs()
    connection.seenAtMs = nowMs
    // Pings are frames like others; who sends them without reading gets no pongs.
    const verdict = countFrame(connection.rate, nowMs)
    if (verdict === 'refuse and pause') pausedReads.pause(connection)
    if (verdict === 'take' && !connection.raw.writableNeedDrain) this.pong(data)
  }

  function onPong(this: WebSocket & Carrier): void {
    const connection = this[CONNECTION]
    if (connection !== undefined) connection.seenAtMs = clock.nowMs()
  }

  /** A broken rule of the protocol, which the library has answered with its close code, or a broken connection. */
  function onError(this: WebSocket & Carrier, error: Error & { code?: string }): void {
    events.socketFailed(error.code)
  }

  function onClose(this: WebSocket & Carrier): void {
    const connection = this[CONNECTION]
    if (connection === undefined) return
    delete this[CONNECTION]
    onGone(connection)
  }

  function onDrain(this: Socket & Carrier): void {
    this[CONNECTION]?.onDrain()
  }

  const takeWholeFrames = createWholeFrames(take)

  return function attach(connection) {
    const ws: WebSocket & Carrier = connection.ws
    const raw: Socket & Carrier = connection.raw
    ws[CONNECTION] = connection
    raw[CONNECTION] = connection
    takeWholeFrames(ws)
    ws.on('message', onMessage)
    ws.on('ping', onPing)
    ws.on('pong', onPong)
    ws.on('error', onError)
    ws.on('close', onClose)
    raw.on('drain', onDrain)
  }
}
