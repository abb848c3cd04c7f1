/**
 * Sends the driver's positions: live where there is a socket, the rest in
 * batches once there is one, each until it is known to be delivered.
 */
import { Backoff } from './backoff.ts'
import { byteLength, type FrameCodec } from './codec.ts'
import { HushrydError } from './error.ts'
import type { AcceptedFrame, ClientFrame, ErrorFrame, ServerFrame } from './generated/types.ts'
import { FRAME_BYTES_MAX } from './live-socket.ts'
import type { TripPosition } from './position.ts'
import { type BufferedPosition, PositionBuffer } from './position-buffer.ts'
import type { Runtime, Timer } from './runtime.ts'

/** Of the protocol. */
const UPDATES_MAX = 500
/** Between batches, so that a long backlog leaves room for everything else. */
const BATCH_PAUSE_MS = 250
/** The edge gives up on a batch after 8 s. */
const BATCH_TIMEOUT_MS = 12_000
const RETRY_FIRST_MS = 1_000
const RETRY_LONGEST_MS = 30_000
/** While positions go out live, how often an edge is asked whether it is there. */
const CONFIRM_EVERY_MS = 5_000
/** What an edge took so long before it answered is out of its hands: stored, or kept by others. */
const SETTLE_MS = 2_000
/** Reasons against one position of a batch that are about the moment and not about the position. */
const PASSING_REASONS = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RATE_LIMITED', 'CANCELLED', 'INTERNAL'])

export interface BufferEvent {
  /** Positions that wait to be sent. */
  readonly waiting: number
  /** Positions lost since the last event, oldest first, because the buffer was full. */
  readonly dropped: number
}

export interface RefusedEvent {
  readonly tripId: string
  readonly timestampMs: number
  /** Why, as the contract names it, such as POSITION_TOO_OLD. */
  readonly reason: string
}

export interface PositionReporterOptions {
  readonly runtime: Runtime
  readonly codec: FrameCodec
  readonly bufferMax: number
  /** False where there is no socket. */
  readonly send: (frame: ClientFrame) => boolean
  readonly onBuffer: (event: BufferEvent) => void
  readonly onRefused: (event: RefusedEvent) => void
}

interface Batch {
  readonly id: string
  readonly positions: readonly BufferedPosition[]
  readonly timer: Timer
}

export class PositionReporter {
  readonly #options: PositionReporterOptions
  readonly #buffer: PositionBuffer
  readonly #backoff: Backoff
  #batch: Batch | undefined
  #pause: Timer | undefined
  #confirm: Timer | undefined
  /** The ping that was sent last, and when. */
  #ping: { readonly id: string; readonly atMs: number } | undefined
  #lastId = 0
  #toldWaiting = 0

  constructor(options: PositionReporterOptions) {
    this.#options = options
    this.#buffer = new PositionBuffer(options.bufferMax)
    this.#backoff = new Backoff({
      firstMs: RETRY_FIRST_MS,
      longestMs: RETRY_LONGEST_MS,
      random: options.runtime.random,
    })
  }

  report(position: TripPosition): void {
    const { added, dropped } = this.#buffer.add(position)
    if (this.#options.send({ id: `p${added.number}`, location: position })) {
      this.#buffer.markSent(added.number, this.#options.runtime.nowMs())
      this.#confirmLater()
    }
    this.#tell(dropped === undefined ? 0 : 1)
  }

  /** On another socket: whatever may have been lost with the last one goes again. */
  onOpen(): void {
    this.onDown()
    this.#backoff.reset()
    this.#sendBatch()
  }

  /** The socket is gone. */
  onDown(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#batch?.timer.cancel()
    this.#batch = undefined
    this.#ping = undefined
    this.#confirm?.cancel()
    this.#confirm = undefined
    this.#buffer.markAllWaiting()
    this.#tell(0)
  }

  onFrame({ id, accepted, error, pong }: ServerFrame): void {
    if (pong !== undefined && id === this.#ping?.id) this.#buffer.confirmSentUpTo(this.#ping.atMs - SETTLE_MS)
    else if (id !== '' && id === this.#batch?.id) {
      if (accepted !== undefined) this.#accepted(this.#batch, accepted)
      else if (error !== undefined) this.#batchRefused(this.#batch, new HushrydError(error.message, error))
    } else if (error !== undefined && id.startsWith('p')) this.#positionRefused(Number(id.slice(1)), error)
    this.#tell(0)
  }

  #sendBatch(): void {
    if (this.#batch !== undefined || this.#pause !== undefined) return
    const positions = this.#buffer.waiting(UPDATES_MAX)
    if (positions.length === 0) return
    this.#lastId += 1
    const id = `b${this.#lastId}`
    const frame = this.#fittingFrame(id, positions)
    if (!this.#options.send(frame)) return
    const timer = this.#options.runtime.setTimer(() => {
      if (this.#batch?.id === id) this.#batchFailed(this.#batch, 0)
    }, BATCH_TIMEOUT_MS)
    const sent = positions.slice(0, frame.locations.updates.length)
    this.#batch = { id, positions: sent, timer }
    this.#buffer.markSyncing(numbersOf(sent))
  }

  /** Positions with long ids fill a frame before their number does. */
  #fittingFrame(id: string, positions: readonly BufferedPosition[]) {
    const updates = positions.map(({ position }) => position)
    let frame = { id, locations: { updates } }
    while (byteLength(this.#options.codec.encode(frame)) > FRAME_BYTES_MAX) {
      frame = { id, locations: { updates: updates.slice(0, Math.ceil(frame.locations.updates.length / 2)) } }
    }
    return frame
  }

  #accepted(batch: Batch, { rejected }: AcceptedFrame): void {
    const passing: number[] = []
    for (const { index, reason } of rejected) {
      const position = batch.positions[index]
      if (position === undefined) continue
      if (PASSING_REASONS.has(reason)) passing.push(position.number)
      else this.#refused(position, reason)
    }
    for (const { number } of batch.positions) if (!passing.includes(number)) this.#buffer.remove(number)
    if (passing.length > 0) {
      this.#batchFailed(batch, 0)
      return
    }
    this.#endBatch(batch)
    this.#backoff.reset()
    this.#pauseFor(BATCH_PAUSE_MS)
  }

  #batchRefused(batch: Batch, error: HushrydError): void {
    if (error.isRetryable) {
      this.#batchFailed(batch, error.retryAfterMs)
      return
    }
    for (const position of batch.positions) {
      this.#refused(position, error.reason || error.code)
      this.#buffer.remove(position.number)
    }
    this.#endBatch(batch)
    this.#pauseFor(BATCH_PAUSE_MS)
  }

  #batchFailed(batch: Batch, retryAfterMs: number): void {
    this.#endBatch(batch)
    this.#buffer.markWaiting(numbersOf(batch.positions))
    this.#pauseFor(Math.max(this.#backoff.nextMs(), BATCH_PAUSE_MS, retryAfterMs))
  }

  #endBatch(batch: Batch): void {
    batch.timer.cancel()
    this.#batch = undefined
  }

  #pauseFor(delayMs: number): void {
    this.#pause ??= this.#options.runtime.setTimer(() => {
      this.#pause = undefined
      this.#sendBatch()
    }, delayMs)
  }

  #positionRefused(number: number, frame: ErrorFrame): void {
    const position = this.#buffer.find(number)
    if (position === undefined) return
    const error = new HushrydError(frame.message, frame)
    if (error.isRetryable) {
      this.#buffer.markWaiting([number])
      if (this.#batch === undefined) this.#pauseFor(Math.max(BATCH_PAUSE_MS, error.retryAfterMs))
      return
    }
    this.#buffer.remove(number)
    this.#refused(position, error.reason || error.code)
  }

  #refused({ position: { tripId, timestampMs } }: BufferedPosition, reason: string): void {
    this.#options.onRefused({ tripId, timestampMs, reason })
  }

  #confirmLater(): void {
    this.#confirm ??= this.#options.runtime.setTimer(() => {
      this.#confirm = undefined
      if (this.#buffer.sentCount === 0) return
      this.#lastId += 1
      const ping = { id: `h${this.#lastId}`, atMs: this.#options.runtime.nowMs() }
      if (!this.#options.send({ id: ping.id, ping: {} })) return
      this.#ping = ping
      this.#confirmLater()
    }, CONFIRM_EVERY_MS)
  }

  #tell(dropped: number): void {
    const waiting = this.#buffer.waitingCount
    if (dropped === 0 && waiting === this.#toldWaiting) return
    this.#toldWaiting = waiting
    this.#options.onBuffer({ waiting, dropped })
  }
}

function numbersOf(positions: readonly BufferedPosition[]): number[] {
  return positions.map(({ number }) => number)
}
