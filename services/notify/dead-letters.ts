/** Notifications that were given up: a list, and another try. */
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import type { Notification } from './notification.ts'
import type { FailedPage } from './record-store.ts'
import type { Records } from './records.ts'
import { replay } from './transitions.ts'

export interface DeadLettersParts {
  readonly records: Records
  readonly eventLog: EventLog
  readonly nowMs: () => number
}

/** The text of what was sent directly is stored nowhere. */
export function canReplay({ state, recipients }: Pick<Notification, 'state' | 'recipients'>): boolean {
  return state === 'failed' && recipients !== 'direct'
}

export class DeadLetters {
  readonly #parts: DeadLettersParts

  constructor(parts: DeadLettersParts) {
    this.#parts = parts
  }

  async list(page: FailedPage): Promise<Notification[]> {
    return await this.#parts.records.store.listFailed(page)
  }

  /** Answers it as it is then; unchanged where there is nothing to replay. */
  async replay(notification: Notification, by: string): Promise<Notification> {
    const { records, eventLog, nowMs } = this.#parts
    if (!canReplay(notification)) return notification
    const { id, run, userId, channels, template, priority } = notification
    // First, and by an id that two who press at once share: nothing is sent again that the log does not know of.
    await eventLog.record({
      eventId: `${id}:${run + 1}:notification.replayed`,
      type: 'notification.replayed',
      severity: Severity.INFO,
      userId,
      data: { notificationId: id, channel: channels[0], template, priority, by },
    })
    return await records.change(notification, (current) =>
      canReplay(current) && current.run === run ? replay(current, nowMs()) : undefined,
    )
  }
}
