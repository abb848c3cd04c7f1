/** Positions from sockets to the lanes, and what the location service says to them. */
import type { LocationFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import type { LaneRefusal, LaneSync, LaneSynced } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'
import { SYNC_TIMEOUT_MS } from './limits.ts'
import {
  answerNameless,
  joinAnswers,
  type SyncAnswer,
  type SyncPart,
  splitByPartition,
  unavailable,
} from './offline-sync.ts'
import { type NewReport, reportOf } from './report-block.ts'

/** One lane, as far as positions need it. */
export interface ReportLane {
  report(report: NewReport): void
  sync(sync: LaneSync): void
  forgetSync(ref: number): void
}

export interface UplinkOptions {
  readonly laneAt: (partition: number) => ReportLane
  readonly partitionOf: (tripId: string) => number
  readonly connectionAt: (number: number) => Connection | undefined
  readonly events: EdgeEvents
  readonly clock: Clock
}

/** A `locations` frame whose parts are on their way. */
interface OpenFrame {
  readonly connection: Connection
  readonly frameId: string
  readonly answers: SyncAnswer[]
  readonly partCount: number
}

interface OpenPart {
  readonly part: SyncPart
  readonly frame: OpenFrame
  readonly dueAtMs: number
}

const RETRY_AFTER_MS = 2_000

export class Uplink {
  readonly #options: UplinkOptions
  readonly #parts = new Map<number, OpenPart>()
  #lastRef = 0

  constructor(options: UplinkOptions) {
    this.#options = options
  }

  report(connection: Connection, frameId: string, location: LocationFrame): void {
    checkDriver(connection)
    const { laneAt, partitionOf, events } = this.#options
    laneAt(partitionOf(location.tripId)).report(this.#newReport(connection, frameId, location))
    events.positionIn()
  }

  #newReport({ userId, number }: Connection, frameId: string, location: LocationFrame): NewReport {
    return { location, userId, connection: number, receivedMs: this.#options.clock.nowMs(), frameId }
  }

  sync(connection: Connection, frameId: string, updates: readonly LocationFrame[]): void {
    checkDriver(connection)
    const { laneAt, partitionOf, clock } = this.#options
    const parts = splitByPartition(updates, partitionOf)
    const nameless = answerNameless(updates)
    const answers = nameless === undefined ? [] : [nameless]
    const frame: OpenFrame = { connection, frameId, answers, partCount: parts.length + answers.length }
    if (parts.length === 0) answerFrame(frame)
    const dueAtMs = clock.nowMs() + SYNC_TIMEOUT_MS
    for (const part of parts) {
      this.#lastRef += 1
      const ref = this.#lastRef
      this.#parts.set(ref, { part, frame, dueAtMs })
      const reports = part.updates.map((update) => reportOf(this.#newReport(connection, frameId, update)))
      laneAt(part.partition).sync({ ref, userId: connection.userId, reports })
    }
  }

  synced(synced: LaneSynced): void {
    this.#settle(synced.ref, synced)
  }

  #settle(ref: number, synced: SyncAnswer['synced']): void {
    const open = this.#parts.get(ref)
    if (open === undefined) return
    this.#parts.delete(ref)
    const { frame, part } = open
    frame.answers.push({ part, synced })
    if (frame.answers.length === frame.partCount) answerFrame(frame)
  }

  refused({ connection, frameId, error }: LaneRefusal): void {
    if (error === undefined) return
    const { reason, message, retryAfterMs } = error
    this.#options
      .connectionAt(connection)
      ?.sendError(frameId, new DomainError(reason, message, { retryAfterMs }))
  }

  /** Several times a second: gives up on what the lane has not answered. */
  sweep(): void {
    const nowMs = this.#options.clock.nowMs()
    for (const [ref, { part, dueAtMs }] of this.#parts) {
      // In the order of their making, all with one timeout.
      if (dueAtMs > nowMs) return
      this.#options.laneAt(part.partition).forgetSync(ref)
      this.#settle(ref, unavailable('The location service does not answer.', RETRY_AFTER_MS))
    }
  }
}

function answerFrame({ connection, frameId, answers }: OpenFrame): void {
  const joined = joinAnswers(answers)
  if (joined instanceof DomainError) connection.sendError(frameId, joined)
  else connection.send({ id: frameId, frame: { $case: 'accepted', value: joined } })
}

function checkDriver(connection: Connection): void {
  if (connection.role === 'driver') return
  throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'Only a driver reports positions.')
}
