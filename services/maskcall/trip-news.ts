/**
 * What the directory tells of trips over NATS. News may be lost: the sweep
 * looks at every live session's trip again, so they only make its end quick.
 */
import { CacheInvalidated, PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'

export interface TripNewsListener {
  /** Its people or its state. */
  changed(tripId: string, version: number): void
  ended(tripId: string): void
}

/** Each piece of news is for one of maskcall's processes. */
const QUEUE = 'maskcall'

/** What is no such message is nobody's: the subjects are open to all of HushRyd's processes. */
function read<T>(decode: (data: Uint8Array) => T, data: Uint8Array): T | undefined {
  try {
    return decode(data)
  } catch {
    return undefined
  }
}

export function listenToTripNews(link: NatsLink, listener: TripNewsListener): Disposable {
  const subscriptions = [
    link.subscribe(
      'cache.invalidate.trip.*',
      ({ data }) => {
        const change = read((bytes) => CacheInvalidated.decode(bytes), data)
        if (change !== undefined) listener.changed(change.id, change.version)
      },
      { queue: QUEUE },
    ),
    link.subscribe(
      'push.trip.*',
      ({ data }) => {
        const event = read((bytes) => PushEvent.decode(bytes), data)
        if (event?.tripEnded) listener.ended(event.tripId)
      },
      { queue: QUEUE },
    ),
  ]
  return {
    [Symbol.dispose]() {
      for (const subscription of subscriptions) subscription.close()
    },
  }
}
