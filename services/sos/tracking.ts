/**
 * Asks the apps of a trip for a position every second while one of its people
 * has an open alert.
 *
 * The driver's app is asked as well, so the question must not say why. It is a
 * neutral one, ends by itself, and is asked of every trip: once soon after its
 * start and again at random, sometimes several times in a row. That hides an
 * alert among ordinary trips; it does not hide from someone who watches a
 * changed app for many minutes that this trip is asked for longer than most.
 */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { type NatsLink, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import type { Alert } from './alert.ts'

export interface TrackingOptions {
  readonly nats: NatsLink
  /** The people on the trip; rejects where the directory is away or knows no such trip. */
  readonly findPeople: (tripId: string) => Promise<readonly string[]>
  readonly clock: Clock
  readonly random: () => number
  readonly onFailed: (tripId: string, error: unknown) => void
}

/** The name says nothing of alerts, and the same event serves every trip. */
export const TRACKING_EVENT = 'trip.tracking'
const INTERVAL_MS = 1_000
/** The question holds for so long; it is asked again each half of it while an alert is open. */
const HOLDS_MS = 120_000
const AGAIN_MS = HOLDS_MS / 2
/** An ordinary trip's first question comes within this after its start. */
const FIRST_MS_MAX = 60_000
/** Between the ordinary ones, on average. */
const ORDINARY_MS = 600_000
/** How often an ordinary question is followed by another one without a pause. */
const LASTS_SHARE = 0.6
const TRIPS_MAX = 100_000
/** Questions a second: each looks into the directory. */
const ASKED_MAX = 100

interface Ordinary {
  readonly tripId: string
  readonly atMs: number
}

export class Tracking {
  readonly #options: TrackingOptions
  /** Trips with an alert, to be asked at the next tick. */
  readonly #wanted = new Set<string>()
  readonly #ordinary = new Map<string, Ordinary>()

  constructor(options: TrackingOptions) {
    this.#options = options
  }

  want(alerts: readonly Alert[]): void {
    for (const { tripId } of alerts)
      if (tripId !== '' && this.#wanted.size < TRIPS_MAX) this.#wanted.add(tripId)
  }

  /** Follows which trips there are, for the ordinary questions. Answers how to stop. */
  follow(): () => void {
    const { nats } = this.#options
    // One process for each trip: they share the subscription.
    const subscription = nats.subscribe('push.trip.*', ({ data }) => this.#onTrip(PushEvent.decode(data)), {
      queue: 'sos-tracking',
    })
    return () => subscription.close()
  }

  /** Once a second. */
  async tick(): Promise<void> {
    const nowMs = this.#options.clock.nowMs()
    const due: string[] = []
    for (const tripId of this.#wanted) {
      if (due.length === ASKED_MAX) break
      this.#wanted.delete(tripId)
      due.push(tripId)
    }
    for (const { tripId, atMs } of this.#ordinary.values()) {
      if (atMs > nowMs || due.length >= ASKED_MAX) continue
      this.#plan(tripId, this.#nextPauseMs())
      due.push(tripId)
    }
    await Promise.all(due.map((tripId) => this.#ask(tripId)))
  }

  #onTrip({ type, tripId, tripEnded }: PushEvent): void {
    if (tripId === '') return
    if (tripEnded) this.#ordinary.delete(tripId)
    else if (type === 'trip.started' && this.#ordinary.size < TRIPS_MAX)
      this.#plan(tripId, this.#options.random() * FIRST_MS_MAX)
  }

  #plan(tripId: string, pauseMs: number): void {
    this.#ordinary.set(tripId, { tripId, atMs: this.#options.clock.nowMs() + pauseMs })
  }

  #nextPauseMs(): number {
    const { random } = this.#options
    return random() < LASTS_SHARE ? AGAIN_MS : -Math.log(1 - random()) * ORDINARY_MS
  }

  async #ask(tripId: string): Promise<void> {
    const { nats, findPeople, onFailed } = this.#options
    let userIds: readonly string[]
    try {
      userIds = await findPeople(tripId)
    } catch (error) {
      onFailed(tripId, error)
      return
    }
    const data = { intervalMs: INTERVAL_MS, forMs: HOLDS_MS }
    const event = PushEvent.fromPartial({ type: TRACKING_EVENT, tripId, data, userIds: [...userIds] })
    nats.publish(`push.trip.${subjectToken(tripId)}`, PushEvent.encode(event).finish())
  }
}

/** How often open alerts ask again. */
export const TRACKING_AGAIN_MS = AGAIN_MS
