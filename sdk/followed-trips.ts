/** Joins trips, again after each reconnect, and hands on what comes of them. */
import { Backoff } from './backoff.ts'
import { HushrydError } from './error.ts'
import { FollowedTrip, type TripListener } from './followed-trip.ts'
import type { ClientFrame, EventFrame, ServerFrame } from './generated/types.ts'
import type { Runtime, Timer } from './runtime.ts'

const RETRY_FIRST_MS = 1_000
const RETRY_LONGEST_MS = 30_000

const ENDINGS: Readonly<Record<string, 'completed' | 'cancelled'>> = {
  'trip.completed': 'completed',
  'trip.cancelled': 'cancelled',
}

export interface FollowedTripsOptions {
  readonly runtime: Runtime
  /** False where there is no socket: `onOpen` comes later. */
  readonly send: (frame: ClientFrame) => boolean
}

interface Following {
  readonly trip: FollowedTrip
  readonly backoff: Backoff
  /** Of the join under way. */
  joinId: string
  retry: Timer | undefined
}

export class FollowedTrips {
  readonly #options: FollowedTripsOptions
  readonly #following = new Map<string, Following>()
  /** What to add to the own clock to get the edge's. */
  #clockOffsetMs = 0
  #lastId = 0

  constructor(options: FollowedTripsOptions) {
    this.#options = options
  }

  /** Answers how to stop. */
  follow(tripId: string, listener: TripListener): () => void {
    let following = this.#following.get(tripId)
    if (following === undefined) {
      const { random } = this.#options.runtime
      following = {
        trip: new FollowedTrip(tripId, listener.sinceMs ?? 0),
        backoff: new Backoff({ firstMs: RETRY_FIRST_MS, longestMs: RETRY_LONGEST_MS, random }),
        joinId: '',
        retry: undefined,
      }
      this.#following.set(tripId, following)
      this.#join(following)
    }
    const { trip } = following
    trip.add(listener)
    return () => this.#unfollow(trip, listener)
  }

  #unfollow(trip: FollowedTrip, listener: TripListener): void {
    trip.remove(listener)
    if (!trip.isEmpty || this.#following.get(trip.tripId)?.trip !== trip) return
    this.#forget(trip.tripId)
    this.#options.send({ leave: { tripId: trip.tripId } })
  }

  onOpen(serverTimeMs: number): void {
    this.#clockOffsetMs = serverTimeMs - this.#options.runtime.nowMs()
    for (const following of this.#following.values()) {
      following.backoff.reset()
      this.#join(following)
    }
  }

  onFrame({ id, joined, error, trip, event }: ServerFrame): void {
    if (trip !== undefined) this.#following.get(trip.tripId)?.trip.positions(trip.updates)
    else if (event !== undefined) this.#onEvent(event)
    else if (id !== '' && (joined !== undefined || error !== undefined)) {
      const following = [...this.#following.values()].find(({ joinId }) => joinId === id)
      if (following === undefined) return
      following.joinId = ''
      if (error !== undefined) this.#refused(following, new HushrydError(error.message, error))
      else if (joined !== undefined) {
        following.backoff.reset()
        following.trip.joined(joined, this.#options.runtime.nowMs() + this.#clockOffsetMs)
      }
    }
  }

  #onEvent(event: EventFrame): void {
    const reason = ENDINGS[event.type]
    const following = this.#following.get(event.tripId)
    if (reason === undefined || following === undefined) return
    this.#forget(event.tripId)
    following.trip.end({ reason, event })
  }

  #join(following: Following): void {
    following.retry?.cancel()
    following.retry = undefined
    this.#lastId += 1
    following.joinId = `j${this.#lastId}`
    const { tripId, sinceMs } = following.trip
    this.#options.send({ id: following.joinId, join: { tripId, sinceMs } })
  }

  #refused(following: Following, error: HushrydError): void {
    if (error.isRetryable) {
      const delayMs = Math.max(following.backoff.nextMs(), error.retryAfterMs)
      following.retry = this.#options.runtime.setTimer(() => this.#join(following), delayMs)
      return
    }
    this.#forget(following.trip.tripId)
    const reason = error.reason === 'TRIP_ENDED' ? 'ended' : 'refused'
    following.trip.end({ reason, error })
  }

  #forget(tripId: string): void {
    this.#following.get(tripId)?.retry?.cancel()
    this.#following.delete(tripId)
  }
}
