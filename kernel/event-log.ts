/**
 * The operations room's log, as services write to it: the JetStream stream
 * ADMIN, whose sequence is the one order of all events.
 *
 * A service waits for the acknowledgement before it answers its own caller, so
 * that what happened before has the smaller number, across services and
 * without clocks.
 */
import { randomUUID } from 'node:crypto'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { Event, Severity } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { StreamSpec } from './stores/jetstream.ts'
import type { JetStreamPublisher } from './stores/jetstream-publisher.ts'
import type { PublishedBatch } from './stores/published-batch.ts'

export { Severity }

export const EVENT_STREAM = 'ADMIN'
export const EVENT_SUBJECT_PREFIX = 'admin.event.'
const DAY_NS = 24 * 60 * 60 * 1_000_000_000
/** How long a repeat of an event is recognised. */
const DUPLICATES_NS = 120 * 1_000_000_000

/** The stream is admin’s to configure; a writer at most makes it where it is not there yet. */
export function eventStreamSpec(replicas: number): StreamSpec {
  return {
    name: EVENT_STREAM,
    subjects: [`${EVENT_SUBJECT_PREFIX}>`],
    num_replicas: replicas,
    max_age: 7 * DAY_NS,
    duplicate_window: DUPLICATES_NS,
  }
}

export interface NewEvent {
  /** Dotted words in lower case, such as `sos.triggered`. */
  readonly type: string
  readonly severity: Severity
  /** Repeats with one id count once; a random one where left out. */
  readonly eventId?: string
  readonly tripId?: string
  readonly userId?: string
  readonly alertId?: string
  readonly region?: string
  /** No phone numbers, addresses or tokens. */
  readonly data?: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970; now where left out. */
  readonly occurredAtMs?: number
}

export interface EventLog {
  /** Resolves when the log has the event; rejects with UNAVAILABLE where it may not. */
  record(event: NewEvent): Promise<void>
  /** Many at once and cheaper; each is taken or not by itself. */
  recordAll(events: readonly NewEvent[]): PublishedBatch
}

const TYPE = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/

/** An event as it goes to the stream. */
export interface EncodedEvent {
  readonly eventId: string
  readonly subject: string
  readonly data: Uint8Array
}

export function encodeEvent(newEvent: NewEvent, source: string, writer = new BinaryWriter()): EncodedEvent {
  const { type, severity, eventId = randomUUID(), occurredAtMs = Date.now(), data } = newEvent
  if (!TYPE.test(type)) throw new Error(`no event type: ${type}`)
  const { tripId = '', userId = '', alertId = '', region = '' } = newEvent
  const event: Event = {
    eventId,
    type,
    severity,
    tripId,
    userId,
    alertId,
    region,
    data: data === undefined ? undefined : { ...data },
    occurredAt: occurredAtMs,
    source,
  }
  return { eventId, subject: EVENT_SUBJECT_PREFIX + type, data: Event.encode(event, writer).finish() }
}

export function createEventLog(
  publisher: JetStreamPublisher,
  { source }: { readonly source: string },
): EventLog {
  return {
    async record(event) {
      const { eventId, subject, data } = encodeEvent(event, source)
      await publisher.publish(subject, data, { msgId: eventId })
    },
    recordAll(events) {
      // One after the other writes into the same memory; what could not be encoded leaves its own behind.
      let writer: BinaryWriter | undefined
      return publisher.publishAll(events, (event) => {
        const taken = writer ?? new BinaryWriter()
        writer = undefined
        const { eventId, subject, data } = encodeEvent(event, source, taken)
        writer = taken
        return { subject, data, msgId: eventId }
      })
    },
  }
}
