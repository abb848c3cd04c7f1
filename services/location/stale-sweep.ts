/**
 * Tells operations and a trip's people, once a silence, that its driver has
 * fallen silent.
 *
 * Every pod sweeps; the claim in Redis lets one of them tell. The log of
 * operations has it first, by an id that makes a repeat the same event. A pod
 * that dies between claim and event loses both.
 */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
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
  readonly eventLog: EventLog
  /** False where NATS is away. */
  readonly push: (tripId: string, event: Uint8Array) => boolean
  readonly events: LocationEvents
  readonly clock: Clock
}

const STALE_TYPE = 'trip.stale'

type TripState = 'active' | 'other' | 'unknown'

/** One sweep. Throws UNAVAILABLE while Redis is away. */
export async function sweepStale(options: StaleSweepOptions): Promise<void> {
  const { silences, trips, staleAfterMs, isConnected, eventLog, push, events, clock } = options
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

  /** Rejects with UNAVAILABLE while the log is away. */
  async function tellAll({ tripId, heardMs }: Silence): Promise<boolean> {
    const data = { lastSeenMs: heardMs, silentMs: clock.nowMs() - heardMs }
    await eventLog.record({
      type: STALE_TYPE,
      severity: Severity.WARNING,
      eventId: `stale:${tripId}:${heardMs}`,
      tripId,
      data,
    })
    const event: PushEvent = {
      type: STALE_TYPE,
      tripId,
      data,
      userIds: [],
      userId: '',
      tripEnded: false,
    }
    return push(tripId, PushEvent.encode(event).finish())
  }

  async function tell(silence: Silence): Promise<void> {
    const { tripId } = silence
    const state = await stateOf(tripId)
    if (state === 'other') return await silences.forget(tripId)
    const isTold = state === 'active' && (await tellAll(silence).catch(whileAway))
    if (isTold) events.stale(tripId)
    else await silences.giveBack(silence)
  }

  const nowMs = clock.nowMs()
  const claimed = await silences.claim(nowMs - staleAfterMs, SILENCES_MAX)
  await Promise.all(claimed.map(tell))
  await silences.forgetOld(nowMs, OLD_MAX)
}

/** The next sweep tells it. Anything but an outage is a bug. */
function whileAway(error: unknown): false {
  if (error instanceof DomainError) return false
  throw error
}
