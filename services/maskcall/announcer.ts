/** Tells the two and the operations room of a call: roles, times, how it ended. */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { type NatsLink, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import { answeredMsOf, type Call, durationSOf, endedMsOf, resultOf } from './call.ts'
import type { Announcement } from './call-record.ts'

export type TellCall = (call: Call, announcement: Announcement) => Promise<void>

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

/** Rejects with UNAVAILABLE where the operations room may not have it. Repeats of one announcement count once there. */
export function createAnnouncer({
  eventLog,
  nats,
}: {
  readonly eventLog: EventLog
  readonly nats: Pick<NatsLink, 'publish'>
}): TellCall {
  return async (call, announcement) => {
    const type = `call.${announcement}`
    const data = dataOf(call, announcement)
    await eventLog.record({
      eventId: `${call.id}:${type}`,
      type,
      severity: Severity.INFO,
      tripId: call.tripId,
      data: { ...data, provider: call.provider ?? '' },
      occurredAtMs: announcement === 'started' ? call.startedMs : (endedMsOf(call) ?? call.startedMs),
    })
    for (const userId of [call.driverId, call.passengerId]) {
      const event = PushEvent.encode({
        type,
        tripId: call.tripId,
        data,
        userIds: [],
        userId,
        tripEnded: false,
      })
      nats.publish(`push.user.${subjectToken(userId)}`, event.finish())
    }
  }
}
