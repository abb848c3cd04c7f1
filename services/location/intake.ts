/**
 * Takes reports in: checks, rights, the speed rule, and into the open window.
 *
 * Runs once a report: one map lookup, nothing awaited, nothing allocated,
 * unless the trip is new to this pod.
 */

import type { Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import type { Batch, RefusalSink } from './batch.ts'
import type { LocationEvents } from './events.ts'
import { checkFix, cleanFix, type Fix, judgeFix, type SpeedRule, Verdict } from './fix.ts'
import { Knowledge, type Person, type Trip } from './trip-state.ts'
import { isActive, isOver, type Trips } from './trips.ts'
import { Window } from './window.ts'

/** Reports that wait for a lookup, of one trip and in all. Beyond it they are refused. */
const WAITING_PER_TRIP_MAX = 600
const WAITING_MAX = 50_000

export const Kind = {
  /** The newest of a window counts. */
  LIVE: 0,
  /** Sent again or late: each goes to the trail and the history. */
  BACKFILL: 1,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** What the reports of one batch have in common. */
export interface Source {
  readonly kind: Kind
  readonly batch: Batch
  readonly sink: RefusalSink
  /** When the batch came. */
  readonly nowMs: number
  /** `any`: from HushRyd's own services, where the position is the driver's whoever sends it. */
  readonly reporter: 'driver' | 'any'
}

interface Arrival {
  readonly source: Source
  readonly report: Report
  /** Its place in what the sender sent. */
  readonly index: number
}

export interface Suspect {
  readonly person: Person
  readonly fix: Fix
}

/** What one flush takes. */
export interface Harvest {
  /** Each with `pending`, to be cleared by the flush. */
  readonly moved: Person[]
  /** Each with `backfill`, to be cleared by the flush. */
  readonly backfilled: Person[]
  readonly suspects: Suspect[]
}

/** Suspects of one window; a flood of them must not cost memory. */
const SUSPECTS_MAX = 20_000

export interface IntakeOptions {
  readonly trips: Trips
  readonly rule: SpeedRule
  readonly events: LocationEvents
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #window = new Window<Fix, Person>()
  #backfilled: Person[] = []
  #suspects: Suspect[] = []
  #waiting = 0
  /** The number of the window that is open. */
  #flush = 1

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  take(source: Source, report: Report, index: number): void {
    const fix = report.position
    const refusal =
      fix === undefined ? ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE : checkFix(fix, source.nowMs)
    if (fix === undefined || refusal !== undefined) {
      this.#refuse(source, report, index, refusal ?? ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE)
      return
    }
    const { trips } = this.#options
    const trip = trips.find(report.tripId)
    if (trip !== undefined && trip.knowledge === Knowledge.KNOWN)
      this.#accept(trip, fix, source, report, index)
    else this.#wait({ source, report, index }, trip ?? trips.admit(report.tripId))
  }

  #accept(trip: Trip, fix: Fix, source: Source, report: Report, index: number): void {
    const { driver } = trip
    const { batch, nowMs } = source
    trip.usedMs = nowMs
    if (source.reporter === 'any' && driver !== undefined) fix.userId = driver.userId
    const refusal = refuseRights(trip, fix.userId)
    if (refusal !== undefined || driver === undefined) {
      this.#refuse(source, report, index, refusal ?? ErrorReason.ERROR_REASON_TRIP_NOT_FOUND)
      return
    }
    cleanFix(fix)
    // One string a person instead of one a report.
    fix.userId = driver.userId
    trip.heardMs = nowMs
    batch.flush = this.#flush
    if (source.kind === Kind.LIVE) this.#live(driver, fix)
    else {
      if (driver.backfill.length === 0) this.#backfilled.push(driver)
      driver.backfill.push(fix)
    }
  }

  #live(driver: Person, fix: Fix): void {
    const { events, rule } = this.#options
    const verdict = judgeFix(driver.track, fix, rule)
    if (verdict === Verdict.GOOD) {
      events.accepted()
      if (driver.pending !== undefined) events.folded()
      this.#window.add(driver, fix)
    } else if (verdict === Verdict.SUSPECT) {
      events.suspect()
      this.#suspect(driver, fix)
    } else events.older()
  }

  #suspect(person: Person, fix: Fix): void {
    if (this.#suspects.length < SUSPECTS_MAX) this.#suspects.push({ person, fix })
  }

  /** Parks a report until the directory has told of its trip. */
  #wait(arrival: Arrival, trip: Trip | undefined): void {
    const { source, report, index } = arrival
    if (trip === undefined) {
      this.#refuse(source, report, index, ErrorReason.ERROR_REASON_TRIP_NOT_FOUND)
      return
    }
    if (trip.waiting >= WAITING_PER_TRIP_MAX || this.#waiting >= WAITING_MAX) {
      this.#refuse(source, report, index, ErrorReason.ERROR_REASON_UNAVAILABLE)
      return
    }
    trip.waiting++
    this.#waiting++
    source.batch.open++
    this.#options.trips.load(trip).then(
      () => this.#resume(trip, arrival, undefined),
      () => this.#resume(trip, arrival, ErrorReason.ERROR_REASON_UNAVAILABLE),
    )
  }

  #resume(trip: Trip, { source, report, index }: Arrival, failure: ErrorReason | undefined): void {
    trip.waiting--
    this.#waiting--
    source.batch.open--
    const fix = report.position
    if (failure !== undefined || fix === undefined) {
      this.#refuse(source, report, index, failure ?? ErrorReason.ERROR_REASON_UNAVAILABLE)
    } else if (trip.knowledge !== Knowledge.KNOWN) {
      this.#refuse(source, report, index, ErrorReason.ERROR_REASON_TRIP_NOT_FOUND)
    } else this.#accept(trip, fix, source, report, index)
  }

  #refuse({ sink }: Source, report: Report, index: number, reason: ErrorReason): void {
    this.#options.events.refused(reason)
    sink.refuse(report, index, reason)
  }

  /** Closes the window and opens the next. Returns the closed one's number with what it holds. */
  close(): { readonly flush: number; readonly harvest: Harvest } {
    const harvest = {
      moved: this.#window.close(),
      backfilled: this.#backfilled,
      suspects: this.#suspects,
    }
    this.#backfilled = []
    this.#suspects = []
    return { flush: this.#flush++, harvest }
  }
}

function refuseRights(trip: Trip, userId: string): ErrorReason | undefined {
  const { record } = trip
  if (record === undefined) return ErrorReason.ERROR_REASON_TRIP_NOT_FOUND
  if (record.driverId !== userId) return ErrorReason.ERROR_REASON_NOT_THE_DRIVER
  if (isActive(record.status)) return undefined
  return isOver(record.status) ? ErrorReason.ERROR_REASON_TRIP_ENDED : ErrorReason.ERROR_REASON_NOT_THE_DRIVER
}
