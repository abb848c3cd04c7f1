/** RecordEvent: an event of HushRyd's backend, checked, and answered once the log has it. */
import type { RecordEventRequest, RecordEventResponse } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { encodeEvent, Severity } from '@hushryd/kernel/event-log.ts'
import type { LogStream } from './log-stream.ts'
import { findPersonalData } from './personal-data.ts'

const DATA_CHARS_MAX = 8 * 1024
/** How events of the backend are signed, whatever it calls itself. */
const SOURCE = 'backend'

export function createRecorder(options: {
  readonly stream: Pick<LogStream, 'append'>
  readonly onRecorded: (severity: Severity) => void
}): (request: RecordEventRequest) => Promise<RecordEventResponse> {
  const { stream, onRecorded } = options
  return async ({ eventId, type, severity, data, occurredAt, ...about }) => {
    checkData(data)
    const event = encodeEvent(
      {
        ...about,
        type,
        severity: severity === Severity.SEVERITY_UNSPECIFIED ? Severity.INFO : severity,
        ...(eventId === '' ? {} : { eventId }),
        ...(data === undefined ? {} : { data }),
        ...(occurredAt === 0 ? {} : { occurredAtMs: occurredAt }),
      },
      SOURCE,
    )
    const sequence = await stream.append(event)
    onRecorded(severity)
    return { eventId: event.eventId, sequence }
  }
}

function checkData(data: RecordEventRequest['data']): void {
  if (data === undefined) return
  if (JSON.stringify(data).length > DATA_CHARS_MAX) throw refused('data', 'is larger than 8 KiB')
  const place = findPersonalData(data)
  if (place !== undefined) throw refused(place, 'looks like a phone number or an e-mail address')
}

function refused(field: string, description: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'The event cannot go into the log.', {
    violations: [{ field, description }],
  })
}
