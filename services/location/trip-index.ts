/**
 * Where active trips are, and when their drivers were last heard: two sets in
 * Redis that span all trips. Changes gather here and go with the next flush.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { command } from '@hushryd/kernel/stores/redis-pipe.ts'
import type { CommandBuffer } from './command-buffer.ts'
import { ACTIVITY_KEY, GEO_KEY, GEO_LAT_MAX, geoMember } from './redis-scripts.ts'
import { newestOf, type Trip } from './trip-state.ts'

/** A trip's place and activity are written at most this often. */
const TOUCH_EVERY_MS = 1_000
/** Trips of each kind that wait while Redis is away. */
const WAITING_MAX = 200_000

interface Changes {
  readonly touched: Set<Trip>
  readonly started: Set<string>
  readonly ended: Set<string>
}

function noChanges(): Changes {
  return { touched: new Set(), started: new Set(), ended: new Set() }
}

function addAll<T>(to: Set<T>, from: Iterable<T>): void {
  for (const each of from) if (to.size < WAITING_MAX) to.add(each)
}

export class TripIndex {
  readonly #clock: Clock
  #changes = noChanges()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The driver was heard, and may have moved. */
  touch(trip: Trip): void {
    const nowMs = this.#clock.nowMs()
    const { touched } = this.#changes
    if (nowMs - trip.touchedMs < TOUCH_EVERY_MS || touched.size >= WAITING_MAX) return
    trip.touchedMs = nowMs
    touched.add(trip)
  }

  /** From now on the driver's silence counts. */
  start(tripId: string): void {
    addAll(this.#changes.started, [tripId])
  }

  /** The trip leaves both sets, whether or not this pod knows it. */
  end(tripId: string): void {
    addAll(this.#changes.ended, [tripId])
  }

  /** Writes what has gathered. Answers how to keep it for the next time, where Redis does not take it. */
  write(out: CommandBuffer): () => void {
    const changes = this.#changes
    this.#changes = noChanges()
    const geo: (string | number)[] = []
    const activity: (string | number)[] = []
    for (const trip of changes.touched) {
      const fix = newestOf(trip)
      if (fix === undefined || trip.isOver) continue
      activity.push(trip.heardMs, trip.tripId)
      if (Math.abs(fix.lat) <= GEO_LAT_MAX) geo.push(fix.lng, fix.lat, geoMember(trip.tripId))
    }
    const nowMs = this.#clock.nowMs()
    const begun = [...changes.started].flatMap((tripId) => [nowMs, tripId])
    const ended = [...changes.ended]
    if (geo.length > 0) out.begin(command('GEOADD', GEO_KEY, ...geo))
    if (activity.length > 0) out.begin(command('ZADD', ACTIVITY_KEY, 'GT', ...activity))
    if (begun.length > 0) out.begin(command('ZADD', ACTIVITY_KEY, 'NX', ...begun))
    if (ended.length > 0) {
      out.begin(command('ZREM', GEO_KEY, ...ended.map(geoMember)))
      out.begin(command('ZREM', ACTIVITY_KEY, ...ended))
    }
    return () => {
      addAll(this.#changes.touched, changes.touched)
      addAll(this.#changes.started, changes.started)
      addAll(this.#changes.ended, changes.ended)
    }
  }
}
