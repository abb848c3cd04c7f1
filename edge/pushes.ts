/**
 * Events of services, from NATS to the sockets that they concern.
 *
 * The last wall of an alert's secrecy stands here: an `sos.*` event reaches
 * only the one who raised it and admins, whatever subject it came on.
 */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { type NatsLink, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import { CLOSE } from './close-codes.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import type { EdgeEvents } from './events.ts'
import type { PlainServerFrame } from './frames/codec.ts'
import { isSosEvent } from './sos-names.ts'

const USER_PREFIX = 'push.user.'
const TRIP_PREFIX = 'push.trip.'
export const ADMIN_SUBJECT = 'push.admin'

export function tripSubject(tripId: string): string {
  return TRIP_PREFIX + subjectToken(tripId)
}

export interface PushesOptions {
  readonly connections: Connections
  readonly rooms: { followersOf(tripId: string): readonly Connection[]; close(tripId: string): void }
  readonly events: EdgeEvents
  readonly log: Log
}

export interface Pushes {
  /** A message of one of the subjects. */
  receive(subject: string, data: Uint8Array): void
  /** To those who follow the trip and those named; where it has ended, its rooms and links close. */
  toTrip(event: Pick<PushEvent, 'type' | 'tripId' | 'data' | 'userIds' | 'tripEnded'>): void
}

/** Each socket once; the frame is made once for each protocol. */
function deliver(
  { type, tripId, data }: Pick<PushEvent, 'type' | 'tripId' | 'data'>,
  to: Iterable<Connection>,
) {
  const frame: PlainServerFrame = { id: '', frame: { $case: 'event', value: { type, tripId, data } } }
  const urgency = isSosEvent(type) ? 'urgent' : 'ordered'
  const encoded: { json?: Buffer; proto?: Buffer } = {}
  for (const connection of to) {
    const key = connection.isJson ? 'json' : 'proto'
    encoded[key] ??= connection.codec.encode(frame)
    connection.write(encoded[key], urgency)
  }
}

export function createPushes({ connections, rooms, events, log }: PushesOptions): Pushes {
  function toTrip(event: Parameters<Pushes['toTrip']>[0]): void {
    const { tripId, userIds, tripEnded } = event
    const viewers = connections.viewersOf(tripId)
    const concerned = new Set([
      ...rooms.followersOf(tripId),
      ...userIds.flatMap((userId) => connections.ofUser(userId)),
      ...viewers,
    ])
    deliver(event, concerned)
    if (!tripEnded) return
    rooms.close(tripId)
    for (const viewer of viewers) viewer.close(CLOSE.TRIP_ENDED, 'the trip has ended')
  }

  function route(subject: string, event: PushEvent): 'user' | 'trip' | 'admin' | 'withheld' {
    if (subject === ADMIN_SUBJECT) {
      deliver(event, connections.admins)
      return 'admin'
    }
    // The subject and the content name the same person or trip, or something is wrong with the sender.
    if (event.userId !== '' && subject === USER_PREFIX + subjectToken(event.userId)) {
      deliver(event, connections.ofUser(event.userId))
      return 'user'
    }
    if (event.tripId !== '' && subject === tripSubject(event.tripId) && !isSosEvent(event.type)) {
      toTrip(event)
      return 'trip'
    }
    return 'withheld'
  }

  return {
    toTrip,
    receive(subject, data) {
      let event: PushEvent
      try {
        event = PushEvent.decode(data)
      } catch (error) {
        log.error({ err: error, subject }, 'a push is no PushEvent')
        return
      }
      const outcome = route(subject, event)
      events.pushed(outcome)
      if (outcome === 'withheld')
        log.error({ subject, type: event.type }, 'a push on a wrong subject is withheld')
    },
  }
}

/** Answers how to stop. */
export function subscribePushes(nats: NatsLink, pushes: Pushes): () => void {
  const subjects = [`${USER_PREFIX}*`, `${TRIP_PREFIX}*`, ADMIN_SUBJECT]
  const subscriptions = subjects.map((subject) =>
    nats.subscribe(subject, (message) => pushes.receive(message.subject, message.data)),
  )
  return () => {
    for (const subscription of subscriptions) subscription.close()
  }
}
