/**
 * One socket's state, and the only way to write to it. Lean: tens of thousands
 * live in a process, so what few of them need is made when it is needed.
 */
import type { Socket } from 'node:net'
import type { GoAwayFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import type { DomainError } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import type { WebSocket } from 'ws'
import { CLOSE, type CloseCode } from './close-codes.ts'
import type { EdgeEvents } from './events.ts'
import { type FrameCodec, type PlainServerFrame, PROTOCOL_JSON } from './frames/codec.ts'
import { type Identity, isSession, roleOf, userIdOf } from './identity.ts'
import { Outbox, type Urgency } from './outbox.ts'
import { type FrameRate, newFrameRate } from './rate.ts'
import type { Follower, TripPosition } from './room.ts'

export type GoAwayReason = 'DRAIN' | 'REBALANCE' | 'SLOW_CONSUMER' | 'SESSION_REVOKED'

/** A reader too slow comes back after this, from its newest position on. */
const SLOW_RECONNECT_MS = 1_000

export interface ConnectionOptions {
  readonly number: number
  readonly ws: WebSocket
  readonly raw: Socket
  readonly codec: FrameCodec
  readonly identity: Identity
  readonly events: EdgeEvents
  readonly nowMs: number
}

export class Connection implements Follower {
  readonly number: number
  readonly codec: FrameCodec
  readonly isJson: boolean
  readonly identity: Identity
  readonly userId: string
  readonly role: ReturnType<typeof roleOf>
  readonly ws: WebSocket
  readonly raw: Socket
  readonly rate: FrameRate
  readonly #events: EdgeEvents
  /** Anything at all came from the other side. */
  seenAtMs: number
  /** Told to go elsewhere. */
  isLeaving = false
  /** Trips followed or being joined. */
  trips: Set<string> | undefined
  calls: Map<string, AbortController> | undefined
  /** Of the running calls those that raise or follow an alert: nobody moves this socket meanwhile. */
  sosCalls = 0
  #outbox: Outbox | undefined
  #drained: (() => void)[] | undefined
  #isClosing = false

  constructor({ number, ws, raw, codec, identity, events, nowMs }: ConnectionOptions) {
    this.number = number
    this.ws = ws
    this.raw = raw
    this.codec = codec
    this.isJson = codec.protocol === PROTOCOL_JSON
    this.identity = identity
    this.userId = userIdOf(identity)
    this.role = roleOf(identity)
    this.rate = newFrameRate(nowMs)
    this.seenAtMs = nowMs
    this.#events = events
  }

  get sessionHash(): string | undefined {
    return isSession(this.identity) ? this.identity.sessionHash : undefined
  }

  get isOpen(): boolean {
    return !this.#isClosing && this.ws.readyState === this.ws.OPEN
  }

  /** A whole WebSocket frame that must arrive. */
  write(frame: Buffer, urgency: Urgency = 'ordered'): void {
    if (!this.isOpen) return
    if (!this.raw.writableNeedDrain) {
      this.raw.write(frame)
      return
    }
    const outbox = this.#backedUp()
    outbox.add(frame, urgency)
    if (outbox.isFull) this.closeSlow()
  }

  sendPosition(position: TripPosition): void {
    if (!this.isOpen) return
    const frame = this.#frameOf(position)
    if (!this.raw.writableNeedDrain) {
      this.raw.write(frame)
      return
    }
    this.#backedUp().keepNewest(position.tripId, position.userId, frame)
    this.#events.positionSkipped()
  }

  #frameOf(position: TripPosition): Buffer {
    if (!this.isJson) return position.binary
    position.json ??= this.codec.encodeTrip(position.binary)
    return position.json
  }

  #backedUp(): Outbox {
    this.#outbox ??= new Outbox(Date.now())
    return this.#outbox
  }

  send(frame: PlainServerFrame, urgency: Urgency = 'ordered'): void {
    this.#events.frameOut(frame.frame.$case)
    this.write(this.codec.encode(frame), urgency)
  }

  sendError(id: string, error: DomainError, urgency: Urgency = 'ordered'): void {
    const { code, name } = errorOf(error.reason)
    this.#events.refused(name)
    const value = {
      code,
      message: error.message,
      retryAfterMs: Math.round(error.retryAfterMs),
      reason: name,
      violations: error.violations.map(({ field, description }) => ({ field, description })),
    }
    this.send({ id, frame: { $case: 'error', value } }, urgency)
  }

  goAway(reason: GoAwayReason, reconnectAfterMs: number): void {
    const value: GoAwayFrame = { reason, reconnectAfterMs }
    this.send({ id: '', frame: { $case: 'goAway', value } })
  }

  /** The raw socket takes more again. */
  onDrain(): void {
    const outbox = this.#outbox
    if (outbox !== undefined && this.isOpen) {
      outbox.movedAtMs = Date.now()
      if (!outbox.drain((frame) => this.raw.write(frame))) return
    }
    this.#outbox = undefined
    this.#resumeWaiting()
  }

  #resumeWaiting(): void {
    const waiting = this.#drained
    this.#drained = undefined
    for (const resume of waiting ?? []) resume()
  }

  /** Resolves at once while the socket takes more; streams of calls wait here. */
  async writable(): Promise<void> {
    if (!this.raw.writableNeedDrain || !this.isOpen) return
    await new Promise<void>((resolve) => {
      this.#drained ??= []
      this.#drained.push(resolve)
    })
  }

  forgetTrip(tripId: string): void {
    this.trips?.delete(tripId)
    this.forgetPositions(tripId)
  }

  /** Held positions of a trip that must not follow what comes now. */
  forgetPositions(tripId: string): void {
    this.#outbox?.forgetTrip(tripId)
  }

  /** Since when frames wait and the socket takes nothing; undefined while it keeps up. */
  get blockedSinceMs(): number | undefined {
    return this.#outbox?.movedAtMs
  }

  closeSlow(): void {
    if (!this.isOpen) return
    // The app learns of it from the close code if not from the frame.
    const value: GoAwayFrame = { reason: 'SLOW_CONSUMER', reconnectAfterMs: SLOW_RECONNECT_MS }
    const goAway = this.codec.encode({ id: '', frame: { $case: 'goAway', value } })
    const urgent = this.#outbox?.takeUrgent() ?? []
    this.#outbox = undefined
    for (const frame of [...urgent, goAway]) this.raw.write(frame)
    this.close(CLOSE.SLOW_CONSUMER, 'the reader is too slow')
  }

  close(code: CloseCode, reason: string): void {
    if (this.#isClosing) return
    for (const frame of this.#outbox?.takeAll() ?? []) this.raw.write(frame)
    this.#outbox = undefined
    this.#isClosing = true
    this.#events.closed(code)
    this.ws.close(code, reason)
    // A paused reader would never see the other side's close frame.
    this.ws.resume()
    this.#resumeWaiting()
  }

  /** The socket is gone: what waits on it goes on, and finds it closed. */
  onClosed(): void {
    this.#isClosing = true
    this.#outbox = undefined
    for (const call of this.calls?.values() ?? []) call.abort()
    this.calls = undefined
    this.#resumeWaiting()
  }
}
