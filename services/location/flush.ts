/**
 * One tick of the hot path: the window → Redis → followers → JetStream → acknowledgements.
 *
 * Ticks do not overlap, so a person's positions leave this pod in order. While
 * Redis is slow the next window fills, and holds one fix a person however long.
 */
import type { Log } from '@hushryd/kernel/log.ts'
import { judgeBackfill } from './backfill.ts'
import type { Settlements } from './batch.ts'
import { EntryRoom } from './entry-room.ts'
import type { LocationEvents } from './events.ts'
import type { Fix, SpeedRule } from './fix.ts'
import { deliver, type OnMoved } from './followers.ts'
import type { Harvest, Intake } from './intake.ts'
import type { EncodedFix } from './lane-codec.ts'
import type { BackfillWrite, LiveStore, LiveWrite } from './live-store.ts'
import { FlushNews } from './news.ts'
import type { TripIndex } from './trip-index.ts'
import type { Person } from './trip-state.ts'

/** Resolves once JetStream has the messages, or the retry queue does. */
export type PublishNews = (partition: number, messages: readonly Uint8Array[]) => Promise<void>

export interface FlusherOptions {
  readonly windowMs: number
  readonly intake: Intake
  readonly store: LiveStore
  readonly index: TripIndex
  readonly publish: PublishNews
  readonly settlements: Settlements
  readonly rule: SpeedRule
  readonly events: LocationEvents
  readonly log: Log
  readonly onMoved: OnMoved
  /** A report waits for its own position to be stored. */
  readonly onStored: (fix: Fix) => void
  /** Deliveries are done: lanes with news may send. */
  readonly onDelivered: () => void
}

export interface Flusher extends AsyncDisposable {
  /** One tick now, after the one under way. */
  flush(): Promise<void>
}

interface TimedLiveWrite extends LiveWrite {
  readonly fix: Fix
}

export function startFlusher(options: FlusherOptions): Flusher {
  const { intake, store, index, publish, settlements, rule, events, log, onMoved } = options
  const room = new EntryRoom()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let current: Promise<void> = Promise.resolve()

  function prepareLive({ moved }: Harvest): TimedLiveWrite[] {
    const writes: TimedLiveWrite[] = []
    for (const person of moved) {
      const fix = person.pending
      if (fix === undefined) continue
      person.pending = undefined
      writes.push({ person, fix, encoded: room.encode(person.trip.tripId, fix) })
    }
    return writes
  }

  function prepareBackfill({ backfilled }: Harvest, news: FlushNews): BackfillWrite[] {
    const writes: BackfillWrite[] = []
    for (const person of backfilled) {
      const { trip, track } = person
      const fixes = person.backfill
      person.backfill = []
      const { trail, suspects, isNewest } = judgeBackfill(track, fixes, rule)
      for (const fix of suspects) {
        events.suspect()
        news.archive(trip, fix, true)
      }
      if (trail.length === 0) continue
      events.accepted(trail.length)
      writes.push({
        person,
        isNewest,
        trail: trail.map((fix) => ({ fix, encoded: room.encode(trip.tripId, fix) })),
      })
    }
    return writes
  }

  /** True where Redis has taken the fix for the latest, or has said nothing and memory takes it. */
  function takeLatest(person: Person, fix: Fix, answer: boolean | undefined): boolean {
    const isNewer = fix.timestampMs > (person.latest?.timestampMs ?? 0)
    const isLatest = answer ?? isNewer
    if (isLatest && isNewer) person.latest = fix
    return isLatest
  }

  function broadcast(person: Person, fix: Fix, encoded: EncodedFix, news: FlushNews): void {
    news.broadcast(person.trip, encoded)
    index.touch(person.trip)
    deliver(person, fix, encoded, onMoved)
    options.onStored(fix)
  }

  async function storeAndDeliver(harvest: Harvest, news: FlushNews): Promise<void> {
    const startedMs = performance.now()
    const live = prepareLive(harvest)
    const backfill = prepareBackfill(harvest, news)
    for (const { person, fix } of harvest.suspects) {
      news.archive(person.trip, fix, true)
      // Nobody knows where the driver is, but he is not silent.
      index.touch(person.trip)
    }
    const written = await store.write(live, backfill)

    let broadcasts = 0
    let skipped = 0
    live.forEach(({ person, fix, encoded }, place) => {
      const answer = written.live[place]
      if (answer === undefined) skipped++
      if (!takeLatest(person, fix, answer)) return
      broadcasts++
      broadcast(person, fix, encoded, news)
    })
    backfill.forEach(({ person, trail, isNewest }, place) => {
      const answer = written.backfill[place]
      if (answer === undefined) skipped += trail.length
      trail.forEach(({ fix, encoded }, at) => {
        if (isNewest && at === trail.length - 1 && takeLatest(person, fix, answer)) {
          broadcasts++
          broadcast(person, fix, encoded, news)
        } else news.archive(person.trip, fix, false)
      })
    })
    if (broadcasts > 0) events.broadcast(broadcasts)
    if (skipped > 0) events.redisSkipped(skipped)
    if (live.length > 0) events.flushed((performance.now() - startedMs) / 1000)
  }

  function settleWhenPublished(flush: number, news: FlushNews): void {
    const startedMs = performance.now()
    const messages = news.encode()
    if (messages.length === 0) {
      settlements.flushSettled(flush)
      return
    }
    void Promise.allSettled(messages.map((each) => publish(each.partition, each.messages))).then(() => {
      events.settled((performance.now() - startedMs) / 1000)
      settlements.flushSettled(flush)
    })
  }

  async function tick(): Promise<void> {
    const { flush, harvest } = intake.close()
    const news = new FlushNews()
    try {
      await storeAndDeliver(harvest, news)
    } finally {
      options.onDelivered()
      // After a fault too: a batch that cannot be processed must not come again for ever.
      settleWhenPublished(flush, news)
    }
  }

  function flush(): Promise<void> {
    current = current.then(tick).catch((error: unknown) => log.error({ err: error }, 'flush failed'))
    return current
  }

  // Drift is made up for: the next tick is due one window after this one was, not after it ended.
  function schedule(dueMs: number): void {
    const onDue = async (): Promise<void> => {
      await flush()
      if (!isClosed) schedule(Math.max(dueMs + options.windowMs, performance.now()))
    }
    timer = setTimeout(() => void onDue(), Math.max(0, dueMs - performance.now()))
  }

  schedule(performance.now() + options.windowMs)
  return {
    flush,
    async [Symbol.asyncDispose]() {
      isClosed = true
      clearTimeout(timer)
      await flush()
    },
  }
}
