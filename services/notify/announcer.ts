/** Tells others what has become of a notification: the service that asked for it, the dead letters, the operations room. */
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { outcomeSubject } from '@hushryd/kernel/queued-notification.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import type { NotifyEvents } from './events.ts'
import type { Announcement, Notification } from './notification.ts'
import { deadSubject, encodeDeadLetter, encodeOutcome } from './streams.ts'

export interface AnnouncerParts {
  readonly publisher: JetStreamPublisher
  readonly eventLog: EventLog
  readonly events: NotifyEvents
  readonly namespace: string
}

export class Announcer {
  readonly #parts: AnnouncerParts

  constructor(parts: AnnouncerParts) {
    this.#parts = parts
  }

  /** Answers what could not be told; the rest is with JetStream, perhaps for the second time. */
  async tell(notification: Notification): Promise<readonly Announcement[]> {
    const untold: Announcement[] = []
    for (const announcement of notification.announcements) {
      try {
        await this.#publish(notification, announcement)
      } catch (error) {
        this.#parts.events.untold(notification, error)
        untold.push(announcement)
      }
    }
    return untold
  }

  async #publish(notification: Notification, announcement: Announcement): Promise<void> {
    const { publisher, namespace } = this.#parts
    const { id, run, channels, reportTo } = notification
    const msgId = `${id}:${run}:${announcement.kind}`
    switch (announcement.kind) {
      case 'outcome':
        return await publisher.publish(
          outcomeSubject(namespace, reportTo),
          encodeOutcome(notification, announcement),
          { msgId: `${msgId}:${announcement.status}:${announcement.carriedBy}` },
        )
      case 'late':
        return await this.#record(notification, 'notification.late', Severity.WARNING, announcement.atMs)
      case 'given_up':
        await publisher.publish(
          deadSubject(namespace, channels[0]),
          encodeDeadLetter(notification, announcement.atMs),
          { msgId },
        )
        return await this.#record(
          notification,
          'notification.failed',
          notification.priority === 'high' ? Severity.CRITICAL : Severity.WARNING,
          announcement.atMs,
        )
    }
  }

  async #record(
    { id, run, userId, channels, template, priority, failure, correlationId, attempts }: Notification,
    type: string,
    severity: Severity,
    occurredAtMs: number,
  ): Promise<void> {
    await this.#parts.eventLog.record({
      eventId: `${id}:${run}:${type}`,
      type,
      severity,
      userId,
      data: {
        notificationId: id,
        channel: channels[0],
        template,
        priority,
        failure,
        correlationId,
        attempts: attempts.length,
      },
      occurredAtMs,
    })
  }
}
