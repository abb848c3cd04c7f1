/** Tells the two and the operations room of a call: roles, times, how it ended. */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { type NatsLink, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import { answeredMsOf, type Call, durationSOf, endedMsOf, resultOf } from './call.ts'
import type { Announcement } from './call-record.ts'

export interface Announcer {
  /** The two, now or never: their apps can read the log of calls. */
  tellPeople(call: Call, announcement: Announcement): void
  /** Rejects with UNAVAILABLE where the log may not have it. Repeats count once there. */
  tellOperations(call: Call, announcement: Announcement): Promise<void>
}

function dataOf(call: Call, announcement: Announcement): Record<string, unknown> {
  const { id, sessionId, caller, origin } = call
  const about = { callId: id, sessionId, caller, origin }
  if (announcement === 'started') return about
  return {
    ...about,
    result: resultOf(call) ?? '',
    wasAnswered: answeredMsOf(call) !== undefined,
    durationS: durationSOf(call),
  }
}

export function createAnnouncer({
  eventLog,
  nats,
}: {
  readonly eventLog: EventLog
  readonly nats: Pick<NatsLink, 'publish'>
}): Announcer {
  return {
    tellPeople(call, announcement) {
      const { tripId } = call
      const event = {
        type: `call.${announcement}`,
        tripId,
        data: dataOf(call, announcement),
        tripEnded: false,
      }
      for (const userId of [call.driverId, call.passengerId]) {
        const bytes = PushEvent.encode({ ...event, userId, userIds: [] }).finish()
        nats.publish(`push.user.${subjectToken(userId)}`, bytes)
      }
    },
    async tellOperations(call, announcement) {
      const type = `call.${announcement}`
      await eventLog.record({
        eventId: `${call.id}:${type}`,
        type,
        severity: Severity.INFO,
        tripId: call.tripId,
        data: { ...dataOf(call, announcement), provider: call.provider ?? '' },
        occurredAtMs: announcement === 'started' ? call.startedMs : (endedMsOf(call) ?? call.startedMs),
      })
    },
  }
}
