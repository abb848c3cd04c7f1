/** An event of the log, as watchers get it. Pure. */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { LogRecord } from './log-stream.ts'
import type { TailEntry } from './tail.ts'
import { encodeEventPart } from './wire.ts'

/** Undefined for what is no event: the subjects are open to all of HushRyd's processes. */
export function readEntry({ sequence, recordedAtMs, data }: LogRecord): TailEntry | undefined {
  let event: Event
  try {
    event = Event.decode(data)
  } catch {
    return undefined
  }
  const { type, severity, region, tripId, userId, alertId } = event
  return {
    sequence,
    facts: { type, severity, region, tripId, userId, alertId },
    bytes: encodeEventPart(sequence, recordedAtMs, data),
  }
}
