import type { LoggedEvent, WatchEventsResponse } from '../generated/types.ts'

/** An event as the log tells it, for tests. */
export function loggedOf(sequence: number): LoggedEvent {
  return {
    sequence,
    recordedAt: sequence,
    event: {
      eventId: `e-${sequence}`,
      type: 'trip.started',
      severity: 'INFO',
      tripId: '',
      userId: '',
      alertId: '',
      region: '',
      occurredAt: sequence,
      source: 'directory',
    },
  }
}

/** A message of WatchEvents that covers the log from `previousSequence` on up to `sequence`. */
export function messageOf(
  previousSequence: number,
  sequence: number,
  more: Partial<WatchEventsResponse> = {},
): WatchEventsResponse {
  return { previousSequence, sequence, events: [], caughtUp: false, logId: '', ...more }
}
