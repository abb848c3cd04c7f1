/** What the directory tells of trips over NATS: that one has changed, begun, or ended. */
import { CacheInvalidated, PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'

export interface TripNewsListener {
  changed(tripId: string): void
  started(tripId: string): void
  ended(tripId: string): void
  /** NATS was away, and what it would have told is lost. */
  missed(): void
}

const STARTED = 'trip.started'

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
    link.subscribe('cache.invalidate.trip.*', ({ data }) => {
      const change = read((bytes) => CacheInvalidated.decode(bytes), data)
      if (change !== undefined) listener.changed(change.id)
    }),
    link.subscribe('push.trip.*', ({ data }) => {
      const event = read((bytes) => PushEvent.decode(bytes), data)
      if (event === undefined) return
      if (event.tripEnded) listener.ended(event.tripId)
      else if (event.type === STARTED) listener.started(event.tripId)
    }),
  ]
  const stopFollowing = link.onDisconnected(() => {
    // Once connected again, not at once: until then there is nothing to read again.
    const stop = link.onConnected(() => {
      stop()
      listener.missed()
    })
  })
  return {
    [Symbol.dispose]() {
      stopFollowing()
      for (const subscription of subscriptions) subscription.close()
    },
  }
}
