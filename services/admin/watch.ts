/**
 * WatchEvents: first what a watcher has missed, at its own pace, then the
 * messages of its group.
 *
 * The two join without gap or repeat since the last step of the first, from
 * the tail in memory, and the entry into the group happen in one go, with
 * nothing in between.
 */
import type { Gap } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { type Clock, pause, type Timer } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { readEntry } from './entry.ts'
import { type EventFilter, filterKey, passes } from './filter.ts'
import type { Follower } from './follower.ts'
import type { LogState, LogStream } from './log-stream.ts'
import { PIECE_EVENTS_MAX, type Piece, piecesOf } from './pieces.ts'
import type { Tail, TailEntry } from './tail.ts'
import { WatchGroup } from './watch-group.ts'
import { Watcher } from './watcher.ts'
import { encodeMessage } from './wire.ts'

export type Resumed = 'newest' | 'memory' | 'log' | 'gap' | 'replaced'

export interface WatchOptions {
  readonly follower: Pick<Follower, 'log' | 'isAlive'>
  readonly stream: Pick<LogStream, 'state' | 'read'>
  readonly clock: Clock
  /** Never goes back. */
  readonly monotonicMs: () => number
  readonly onBegun: (how: Resumed) => void
}

export interface WatchRequest {
  readonly filter: EventFilter
  readonly afterSequence: number
  /** 0 for SNAPSHOT_EVENTS. */
  readonly snapshotSize: number
}

const SNAPSHOT_EVENTS = 200
/** One that is further behind is brought here, and told what it has not seen. */
export const RESUME_EVENTS_MAX = 50_000
const WATCHERS_MAX = 1_000
/** Events that come close together go as one message. */
const FLUSH_MS = 20
/** A burst does not wait for that. */
const FLUSH_EVENTS = 1_000
/** The contract promises a message every five seconds. */
const QUIET_MS = 3_000
/** Before a log that ends before a watcher's place is taken for another one. */
const LOOKS_MAX = 4
const LOOK_AGAIN_MS = 1_000

interface Start {
  readonly how: Resumed
  readonly position: number
  readonly gap?: Gap
}

/** Between two numbers of the log, in order. */
interface Stretch {
  readonly entries: readonly TailEntry[]
  readonly to: number
}

export class Watch {
  readonly #options: WatchOptions
  readonly #groups = new Map<string, WatchGroup>()
  #watchers = 0
  #flushTimer: Timer | undefined
  #flushedTo = 0
  #flushedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: WatchOptions) {
    this.#options = options
  }

  get watchers(): number {
    return this.#watchers
  }

  /** Something is new in the tail. */
  appended(): void {
    const last = this.#options.follower.log?.tail.last ?? 0
    if (last - this.#flushedTo >= FLUSH_EVENTS) this.#flush()
    if (this.#groups.size === 0 || this.#flushTimer !== undefined) return
    const inMs = Math.max(0, this.#flushedAtMs + FLUSH_MS - this.#options.monotonicMs())
    this.#flushTimer = this.#options.clock.setTimer(() => this.#flush(), inMs)
  }

  /** The tail begins anew. */
  restart(): void {
    for (const { watchers } of this.#groups.values()) for (const watcher of watchers) watcher.fail(again())
    this.#groups.clear()
    this.#flushedTo = 0
  }

  /** Once a second: tells those to whom nothing happens that it is so, for as long as that is known. */
  tick(): void {
    const { follower, monotonicMs } = this.#options
    if (!follower.isAlive) return
    for (const group of this.#groups.values())
      if (monotonicMs() - group.sentAtMs >= QUIET_MS) group.tell(monotonicMs())
  }

  async *follow(request: WatchRequest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { follower } = this.#options
    const { log } = follower
    if (log === undefined) throw away('The log is not read yet.')
    if (this.#watchers >= WATCHERS_MAX) throw away('This process has no room for more watchers.')
    this.#watchers += 1
    try {
      yield* this.#follow(request, log, signal)
    } finally {
      this.#watchers -= 1
    }
  }

  async *#follow(
    { filter, afterSequence, snapshotSize }: WatchRequest,
    { tail, logId }: NonNullable<Follower['log']>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const start = await this.#start(afterSequence, tail, signal)
    this.#options.onBegun(start.how)
    // What only the first message says.
    let first: { readonly logId: string; readonly gap?: Gap | undefined } = { logId, gap: start.gap }
    let { position } = start
    let sent = position
    function* messages(pieces: readonly Piece[], isLast: boolean): Generator<Uint8Array> {
      for (const [index, { entries, ...place }] of pieces.entries()) {
        const caughtUp = isLast && index === pieces.length - 1
        yield encodeMessage({ ...place, ...first, caughtUp, events: entries.map(({ bytes }) => bytes) })
        sent = place.sequence
        first = { logId: '' }
      }
    }

    if (start.how === 'newest' || start.how === 'replaced') {
      const newest = tail.newest(filter, snapshotSize === 0 ? SNAPSHOT_EVENTS : snapshotSize)
      const [oldest] = newest
      if (oldest !== undefined) {
        sent = oldest.sequence - 1
        yield* messages(piecesOf(newest, sent, position), false)
      }
    }
    for await (const { entries, to } of this.#missed(position, tail)) {
      signal.throwIfAborted()
      position = to
      const passing = entries.filter(({ facts }) => passes(filter, facts))
      if (passing.length > 0) yield* messages(piecesOf(passing, sent, to), false)
    }

    if (this.#options.follower.log?.tail !== tail || position < tail.begin) throw again()
    const watcher = new Watcher()
    const leave = this.#enter(watcher, filter, tail)
    try {
      const passing = tail.after(position).filter(({ facts }) => passes(filter, facts))
      yield* messages(piecesOf(passing, sent, tail.last), true)
      yield* watcher.messages(signal)
    } finally {
      leave()
    }
  }

  async #start(afterSequence: number, tail: Tail, signal: AbortSignal): Promise<Start> {
    if (afterSequence === 0) return { how: 'newest', position: tail.last }
    if (afterSequence >= tail.begin && afterSequence <= tail.last)
      return { how: 'memory', position: afterSequence }
    const { first, last } = await this.#stateFrom(afterSequence, signal)
    if (afterSequence > last) {
      const gap = { firstSequence: 0, lastSequence: 0, logReplaced: true }
      return { how: 'replaced', position: tail.last, gap }
    }
    const position = Math.max(afterSequence, first - 1, last - RESUME_EVENTS_MAX)
    // Another process has shown it what this one is about to read.
    if (position > tail.last) throw away('The log is not read that far yet.')
    if (position === afterSequence) return { how: 'log', position }
    const gap = { firstSequence: afterSequence + 1, lastSequence: position, logReplaced: false }
    return { how: 'gap', position, gap }
  }

  /** A new leader may know the log's end a moment after the old one had told of it. */
  async #stateFrom(sequence: number, signal: AbortSignal): Promise<LogState> {
    const { stream, clock } = this.#options
    for (let look = 1; ; look += 1) {
      const state = await stream.state()
      if (state.last >= sequence || look === LOOKS_MAX) return state
      await pause(clock, LOOK_AGAIN_MS, signal)
      signal.throwIfAborted()
    }
  }

  /** Up to less than a message's events before the end of the tail. */
  async *#missed(from: number, tail: Tail): AsyncGenerator<Stretch> {
    let position = from
    while (position < tail.begin) {
      // Moves on meanwhile.
      const end = tail.begin
      for await (const records of this.#options.stream.read(position, end)) {
        position = records.at(-1)?.sequence ?? position
        yield { entries: records.flatMap((record) => readEntry(record) ?? []), to: position }
      }
      // What lay before it has left the log meanwhile.
      if (position < end) {
        position = end
        yield { entries: [], to: position }
      }
    }
    while (tail.last - position > PIECE_EVENTS_MAX) {
      if (position < tail.begin) throw again()
      const entries = tail.after(position, PIECE_EVENTS_MAX)
      position = entries.at(-1)?.sequence ?? tail.last
      yield { entries, to: position }
    }
  }

  /** The group has told all of the tail when this returns, so that whoever has seen that far is one of it. */
  #enter(watcher: Watcher, filter: EventFilter, tail: Tail): () => void {
    const { monotonicMs } = this.#options
    const key = filterKey(filter)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = new WatchGroup(filter, tail, monotonicMs())
      this.#groups.set(key, group)
    } else if (group.sent < tail.last) group.tell(monotonicMs())
    const { watchers } = group
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#groups.get(key)?.watchers === watchers) this.#groups.delete(key)
    }
  }

  #flush(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    const { follower, monotonicMs } = this.#options
    this.#flushedTo = follower.log?.tail.last ?? 0
    this.#flushedAtMs = monotonicMs()
    for (const group of this.#groups.values()) group.flush(this.#flushedAtMs)
  }
}

function away(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, message, { retryAfterMs: 500 })
}

function again(): DomainError {
  return away('The stream cannot go on from here; watch again after the last sequence.')
}
