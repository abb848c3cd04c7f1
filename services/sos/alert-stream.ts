/** The stream SOS: alerts as they were raised, which it owns until the database has them. */
import { RaisedAlerts } from '@hushryd/gen/hushryd/sos/v1/stream.ts'
import type { StreamSpec } from '@hushryd/kernel/stores/jetstream.ts'
import { type AlertId, readLocation, type Trigger } from './alert.ts'

export interface StreamOptions {
  /** Before every stream and subject: tests that share a server keep apart by it. */
  readonly namespace: string
  readonly replicas: number
}

const SECOND_NS = 1_000_000_000
const DAY_NS = 24 * 60 * 60 * SECOND_NS

export function streamName(namespace: string): string {
  return `${namespace}SOS`
}

export function raisedSubject(namespace: string): string {
  return `${namespace}sos.raised`
}

/** Kept after they are acknowledged, as a second record of what came in. */
export function streamSpec({ namespace, replicas }: StreamOptions): StreamSpec {
  return {
    name: streamName(namespace),
    subjects: [raisedSubject(namespace)],
    storage: 'file',
    num_replicas: replicas,
    max_age: 7 * DAY_NS,
    // Full, it refuses new ones, and the database takes them: none that waits is dropped.
    discard: 'new',
  }
}

/** Alerts a message: some 100 KB, a tenth of what NATS lets through. */
export const ALERTS_PER_MESSAGE = 500

export function encodeRaised(triggers: readonly Trigger[]): Uint8Array {
  return RaisedAlerts.encode({
    alerts: triggers.map(
      ({ alertId, userId, role, tripId, bookingId, location, receivedMs, traceparent }) => ({
        alertId,
        userId,
        role,
        tripId,
        bookingId,
        location,
        receivedAt: receivedMs,
        traceparent,
      }),
    ),
  }).finish()
}

export function decodeRaised(data: Uint8Array): Trigger[] {
  return RaisedAlerts.decode(data).alerts.map(({ alertId, receivedAt, location, ...rest }) => ({
    ...rest,
    // Every id came through the intake, which checks it.
    alertId: alertId as AlertId,
    location: readLocation(location),
    receivedMs: receivedAt,
  }))
}
