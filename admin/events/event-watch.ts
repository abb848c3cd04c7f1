/** Keeps the log of the operations room flowing into the feed, from where it last was, through the chosen filter. */
import type { LoggedEvent, WatchEventsRequest } from '../generated/types.ts'
import { keepStream } from '../link/keep-stream.ts'
import type { Operations } from '../link/operations.ts'
import { Store } from '../store/store.ts'
import { acceptMessage, beginWatch, EMPTY_FEED, fillGap, type GapItem } from './event-feed.ts'

const SNAPSHOT_SIZE = 300
const PAGE_SIZE = 500
/** As many as the feed holds: more of a gap nobody would see. */
const FILL_MAX = 2_000

export type EventFilter = Pick<
  WatchEventsRequest,
  'types' | 'regions' | 'minSeverity' | 'tripId' | 'userId' | 'alertId'
>

export class EventWatch {
  readonly feed = new Store(EMPTY_FEED)
  readonly filter = new Store<EventFilter>({})
  /** The stream is down; it is being opened again. */
  readonly isDown = new Store(false)
  readonly #operations: Operations
  #stop: (() => void) | undefined

  constructor(operations: Operations) {
    this.#operations = operations
  }

  start(): void {
    this.#stop = keepStream({
      open: (signal) =>
        this.#operations.stream.admin.watchEvents(
          {
            ...this.filter.value,
            afterSequence: this.feed.value.sequence,
            snapshotSize: SNAPSHOT_SIZE,
          },
          { signal },
        ),
      onOpen: () => this.feed.update(beginWatch),
      onMessage: (message) => {
        this.isDown.set(false)
        this.feed.update((feed) => acceptMessage(feed, message))
      },
      onEnd: () => this.isDown.set(true),
    })
  }

  stop(): void {
    this.#stop?.()
  }

  /** Another filter is another view of the log: the feed begins anew. */
  choose(filter: EventFilter): void {
    this.stop()
    this.filter.set(filter)
    this.feed.set(EMPTY_FEED)
    this.start()
  }

  /** Asks the archive for what the log could no longer give. Rejects where the archive does not answer. */
  async fill(gap: GapItem): Promise<void> {
    const found: LoggedEvent[] = []
    let pageToken = ''
    do {
      const page = await this.#operations.call.admin.listEvents({
        ...this.filter.value,
        fromSequence: gap.firstSequence,
        toSequence: gap.lastSequence,
        pageSize: PAGE_SIZE,
        pageToken,
      })
      found.push(...page.events)
      pageToken = page.nextPageToken
    } while (pageToken !== '' && found.length < FILL_MAX)
    this.feed.update((feed) => fillGap(feed, gap, found))
  }
}
