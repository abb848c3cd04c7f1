/**
 * Changes over NATS: `cache.invalidate.*` for every node that holds copies,
 * `push.trip.*` for the people on a trip, and what happens to a trip into the
 * log of the operations room.
 *
 * One of the first two can be lost; nothing is wrong for longer because of
 * that, since copies are read again after their time. The log has it when
 * `announce` says so.
 */
import { CacheInvalidated, PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { type EventLog, Severity } from '@hushryd/kernel/event-log.ts'
import { type NatsLink, type NatsSubscription, subjectToken } from '@hushryd/kernel/stores/nats.ts'
import type { KindName } from './cached-documents.ts'
import type { DirectoryEvents } from './events.ts'
import type { TripEvent } from './trip.ts'
import type { VersionedDocument } from './versioned-document.ts'

/** Announced versions remembered until their marks are settled, which takes seconds. Forgetting one repeats it. */
const ANNOUNCED_MAX = 50_000

export class ChangeFeed {
  readonly #nats: NatsLink
  readonly #eventLog: EventLog
  readonly #events: DirectoryEvents
  readonly #announced = new Map<string, number>()

  constructor(nats: NatsLink, eventLog: EventLog, events: DirectoryEvents) {
    this.#nats = nats
    this.#eventLog = eventLog
    this.#events = events
  }

  /** False where NATS is away: the change stays marked, and the settler asks again. */
  async announce(kind: KindName, document: VersionedDocument): Promise<boolean> {
    const { _id: id, version, pending } = document
    const key = `${kind}:${id}`
    if ((this.#announced.get(key) ?? 0) >= version) return true
    const token = subjectToken(id)
    const change = CacheInvalidated.encode({ kind, id, version }).finish()
    const isSent =
      this.#nats.publish(`cache.invalidate.${kind}.${token}`, change) &&
      (pending?.event === undefined ||
        (this.#nats.publish(`push.trip.${token}`, PushEvent.encode(pushEvent(id, pending.event)).finish()) &&
          (await this.#isLogged(id, version, pending.event))))
    if (isSent) this.#remember(key, version)
    else this.#events.announceFailed(kind)
    return isSent
  }

  /** Calls back for each change that any node announces. */
  listen(onChange: (kind: KindName, id: string, version: number) => void): NatsSubscription {
    return this.#nats.subscribe('cache.invalidate.*.*', (message) => {
      const change = readChange(message.data)
      if (change === undefined) return
      const { kind, id, version } = change
      if (kind === 'user' || kind === 'contacts' || kind === 'trip') onChange(kind, id, version)
    })
  }

  async #isLogged(tripId: string, version: number, { type, userIds, state }: TripEvent): Promise<boolean> {
    try {
      await this.#eventLog.record({
        eventId: `trip:${tripId}:${version}`,
        type,
        severity: Severity.INFO,
        tripId,
        userId: userIds[0] ?? '',
        data: { status: state },
      })
      return true
    } catch {
      // The log may have it all the same, and then knows the next try by its id.
      return false
    }
  }

  #remember(key: string, version: number): void {
    this.#announced.delete(key)
    if (this.#announced.size >= ANNOUNCED_MAX) {
      const [oldest] = this.#announced.keys()
      if (oldest !== undefined) this.#announced.delete(oldest)
    }
    this.#announced.set(key, version)
  }
}

/** What is no such message is nobody's: the subject is open to all of HushRyd's processes. */
function readChange(data: Uint8Array): CacheInvalidated | undefined {
  try {
    return CacheInvalidated.decode(data)
  } catch {
    return undefined
  }
}

function pushEvent(tripId: string, { type, userIds, state, isEnd }: TripEvent): PushEvent {
  return {
    type,
    tripId,
    data: { status: state },
    userIds: [...userIds],
    userId: '',
    tripEnded: isEnd,
  }
}
