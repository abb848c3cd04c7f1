/**
 * One edge's lane on this pod: what waits to go down it, and how far its
 * batches have come.
 */
import type { LaneJoined, LaneRefusal, LaneSynced, Report } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { ErrorReason } from '@hushryd/kernel/error.ts'
import type { RefusalSink } from './batch.ts'
import type { EncodedFix, LaneDown } from './lane-codec.ts'
import { refusalText } from './refusal.ts'
import type { Follower, Person, Trip } from './trip-state.ts'

/** Positions that wait for a slow edge; beyond it only the newest of each person waits. */
const ENTRIES_MAX = 20_000
/** What one message holds at most of each kind: all of it together stays below gRPC's 4 MiB. */
const MESSAGE_ENTRIES_MAX = 5_000
const MESSAGE_MISSED_MAX = 5_000
const MESSAGE_SYNCED_MAX = 20
const MESSAGE_REFUSALS_MAX = 2_000
const MESSAGE_ENDED_MAX = 5_000
/** More refusals a second than this tell a socket nothing new. */
const REFUSALS_PER_CONNECTION = 100
const REFUSALS_MAX = 10_000

export interface LaneName {
  readonly edgeId: string
  readonly partition: number
  readonly epochMs: number
}

/** One ConnectRequest's reports, on their way through a flush. */
export interface LaneBatch {
  readonly seq: number
  isSettled: boolean
}

export class Lane implements Follower, RefusalSink {
  readonly name: LaneName
  readonly trips = new Set<Trip>()
  /** Joins whose trip is being looked up; one that is left meanwhile is not followed. */
  readonly joining = new Set<{ readonly tripId: string; isLeft: boolean }>()
  isClosed = false
  #entries: EncodedFix[] = []
  #people: Person[] = []
  #joined: LaneJoined[] = []
  #synced: LaneSynced[] = []
  #refusals: LaneRefusal[] = []
  #endedTripIds: string[] = []
  #batches: LaneBatch[] = []
  #ackedSeq = 0
  #sentSeq = 0
  #wake: (() => void) | undefined
  /** Entries at which the next collapse is due: doubled, so that many people do not cost a collapse each. */
  #collapseAt = ENTRIES_MAX
  readonly #refusedBy = new Map<number, number>()
  #refusedSinceMs = 0

  constructor(name: LaneName) {
    this.name = name
  }

  deliver(person: Person, encoded: EncodedFix): void {
    this.#entries.push(encoded)
    this.#people.push(person)
    if (this.#entries.length > this.#collapseAt) this.#collapse()
  }

  /** Deliveries of one person rise, so the last is the newest. */
  #collapse(): void {
    const newest = new Map<Person, EncodedFix>()
    this.#entries.forEach((entry, index) => {
      const person = this.#people[index]
      if (person !== undefined) newest.set(person, entry)
    })
    this.#people = [...newest.keys()]
    this.#entries = [...newest.values()]
    this.#collapseAt = Math.max(ENTRIES_MAX, 2 * this.#entries.length)
  }

  tripEnded(trip: Trip): void {
    this.trips.delete(trip)
    this.#endedTripIds.push(trip.tripId)
    this.wake()
  }

  answerJoin(joined: LaneJoined): void {
    this.#joined.push(joined)
    this.wake()
  }

  answerSync(synced: LaneSynced): void {
    this.#synced.push(synced)
    this.wake()
  }

  refuse(report: Report, _index: number, reason: ErrorReason): void {
    const now = performance.now()
    if (now - this.#refusedSinceMs > 1_000) {
      this.#refusedBy.clear()
      this.#refusedSinceMs = now
    }
    const count = this.#refusedBy.get(report.connection) ?? 0
    if (count >= REFUSALS_PER_CONNECTION || this.#refusals.length >= REFUSALS_MAX) return
    this.#refusedBy.set(report.connection, count + 1)
    this.#refusals.push({
      connection: report.connection,
      frameId: report.frameId,
      error: { reason, message: refusalText(reason), retryAfterMs: 0 },
    })
  }

  /** The batches are acknowledged in order, whatever order they settle in. */
  expect(seq: number): LaneBatch {
    const batch: LaneBatch = { seq, isSettled: false }
    this.#batches.push(batch)
    return batch
  }

  settle(batch: LaneBatch): void {
    batch.isSettled = true
    let count = 0
    for (const { isSettled, seq } of this.#batches) {
      if (!isSettled) break
      this.#ackedSeq = Math.max(this.#ackedSeq, seq)
      count++
    }
    if (count > 0) this.#batches.splice(0, count)
  }

  get unsettled(): number {
    return this.#batches.length
  }

  close(): void {
    this.isClosed = true
    this.#wake?.()
  }

  /** Lets the stream look for something to send. */
  wake(): void {
    if (this.#wake !== undefined && this.#hasNews()) this.#wake()
  }

  #hasNews(): boolean {
    return (
      this.#entries.length > 0 ||
      this.#ackedSeq > this.#sentSeq ||
      this.#joined.length > 0 ||
      this.#synced.length > 0 ||
      this.#refusals.length > 0 ||
      this.#endedTripIds.length > 0
    )
  }

  /** The next message down; undefined once the lane is closed. */
  async next(): Promise<LaneDown | undefined> {
    while (!this.isClosed && !this.#hasNews()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    if (this.isClosed) return undefined
    const down: LaneDown = {
      ackedSeq: this.#ackedSeq,
      entries: this.#entries.splice(0, MESSAGE_ENTRIES_MAX),
      joined: this.#takeJoined(),
      synced: this.#synced.splice(0, MESSAGE_SYNCED_MAX),
      refusals: this.#refusals.splice(0, MESSAGE_REFUSALS_MAX),
      endedTripIds: this.#endedTripIds.splice(0, MESSAGE_ENDED_MAX),
    }
    this.#people.splice(0, MESSAGE_ENTRIES_MAX)
    this.#sentSeq = this.#ackedSeq
    return down
  }

  /** At least one, however much it holds. */
  #takeJoined(): LaneJoined[] {
    let missed = 0
    const end = this.#joined.findIndex((joined) => {
      missed += joined.missed.length
      return missed > MESSAGE_MISSED_MAX
    })
    return this.#joined.splice(0, end < 0 ? this.#joined.length : Math.max(1, end))
  }
}
