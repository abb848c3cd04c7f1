/**
 * Tells a trip's people, once a silence, that its driver has fallen silent.
 *
 * Every pod sweeps; the claim in Redis lets one of them tell. A push event is
 * a hint: a pod that dies between claim and event loses it.
 */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { LocationEvents } from './events.ts'
import type { Silence, SilenceStore } from './silence.ts'
import { isActive, type Trips } from './trips.ts'

/** Silences of one sweep. A network's outage silences thousands at once, who are told of over some sweeps. */
const SILENCES_MAX = 500
const OLD_MAX = 1_000

export interface StaleSweepOptions {
  readonly silences: SilenceStore
  readonly trips: Trips
  readonly staleAfterMs: number
  readonly isConnected: () => boolean
  /** False where NATS is away. */
  readonly push: (tripId: string, event: Uint8Array) => boolean
  readonly events: LocationEvents
  readonly clock: Clock
}

type TripState = 'active' | 'other' | 'unknown'

/** One sweep. Throws UNAVAILABLE while Redis is away. */
export async function sweepStale(options: StaleSweepOptions): Promise<void> {
  const { silences, trips, staleAfterMs, isConnected, push, events, clock } = options
  if (!isConnected()) return

  async function stateOf(tripId: string): Promise<TripState> {
    try {
      const trip = await trips.get(tripId)
      return isActive(trip.record.status) ? 'active' : 'other'
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return error.reason === ErrorReason.ERROR_REASON_TRIP_NOT_FOUND ? 'other' : 'unknown'
    }
  }

  async function tell(silence: Silence): Promise<void> {
    const { tripId, heardMs } = silence
    const state = await stateOf(tripId)
    if (state === 'other') return await silences.forget(tripId)
    const data = { lastSeenMs: heardMs, silentMs: clock.nowMs() - heardMs }
    const event: PushEvent = {
      type: 'trip.stale',
      tripId,
      data,
      userIds: [],
      userId: '',
      tripEnded: false,
    }
    if (state === 'active' && push(tripId, PushEvent.encode(event).finish())) events.stale(tripId)
    else await silences.giveBack(silence)
  }

  const nowMs = clock.nowMs()
  const claimed = await silences.claim(nowMs - staleAfterMs, SILENCES_MAX)
  await Promise.all(claimed.map(tell))
  await silences.forgetOld(nowMs, OLD_MAX)
}
