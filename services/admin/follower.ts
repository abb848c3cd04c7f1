/** Keeps the newest part of the log in memory, over all outages of NATS. */
import { readEntry } from './entry.ts'
import type { LogRecord, LogState, LogStream } from './log-stream.ts'
import { TAIL_MAX, Tail } from './tail.ts'

export interface FollowerOptions {
  readonly stream: Pick<LogStream, 'state' | 'follow'>
  readonly monotonicMs: () => number
  /** Something is new in the tail. */
  readonly onAppended: () => void
  /** The tail begins anew: watchers do as well. */
  readonly onRestarted: () => void
  readonly onUnreadable: (sequence: number) => void
}

/** JetStream says something every half second; past this nobody may believe that nothing has happened. */
const ALIVE_MS = 2_500
/** A new leader may know the log's end a moment after the old one had told of it. */
const SHORTER_MS_MAX = 10_000

interface Followed {
  readonly tail: Tail
  readonly logId: string
  /** Where the log ended when it was opened: up to here the tail is filled before it is shown. */
  readonly fillTo: number
}

export class Follower {
  readonly #options: FollowerOptions
  #followed: Followed | undefined
  #aliveMs = Number.NEGATIVE_INFINITY
  #shorterSinceMs: number | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** Undefined until the log has been read for the first time. */
  get log(): { readonly tail: Tail; readonly logId: string } | undefined {
    const followed = this.#followed
    return followed !== undefined && followed.tail.last >= followed.fillTo ? followed : undefined
  }

  /** What the tail holds is all there is, give or take a moment. */
  get isAlive(): boolean {
    return this.log !== undefined && this.#options.monotonicMs() - this.#aliveMs < ALIVE_MS
  }

  /** Follows for as long as nothing is odd; a loop calls it again. */
  async run(signal: AbortSignal): Promise<void> {
    const { stream, monotonicMs } = this.#options
    const { tail } = this.#settle(await stream.state())
    await stream.follow(
      tail.last,
      {
        onRecord: (record) => this.#take(tail, record),
        onAlive: () => {
          this.#aliveMs = monotonicMs()
        },
      },
      signal,
    )
  }

  /** Which tail goes on; throws while it is not known whether the log has lost its end. */
  #settle(state: LogState): Followed {
    const followed = this.#followed
    if (followed === undefined) return this.#begin(state)
    const isShorter = followed.logId === state.logId && state.last < followed.tail.last
    if (isShorter) {
      this.#shorterSinceMs ??= this.#options.monotonicMs()
      if (this.#options.monotonicMs() - this.#shorterSinceMs < SHORTER_MS_MAX)
        throw new Error(`the log ends at ${state.last}, and ${followed.tail.last} has been seen`)
    }
    this.#shorterSinceMs = undefined
    // After a long outage it is read from its newest part, as at the start.
    const isFarBehind = state.last - followed.tail.last > TAIL_MAX
    if (followed.logId === state.logId && !isShorter && !isFarBehind) return followed
    const begun = this.#begin(state)
    this.#options.onRestarted()
    return begun
  }

  #begin({ logId, first, last }: LogState): Followed {
    this.#followed = { tail: new Tail(Math.max(first - 1, last - TAIL_MAX, 0)), logId, fillTo: last }
    return this.#followed
  }

  #take(tail: Tail, record: LogRecord): void {
    const entry = readEntry(record)
    if (entry === undefined) {
      tail.skip(record.sequence)
      this.#options.onUnreadable(record.sequence)
    } else tail.append(entry)
    this.#options.onAppended()
  }
}
