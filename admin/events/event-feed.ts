/**
 * The log of the operations room as one watcher holds it: events in their one
 * order, and every place where some are missing. Each message says where the
 * one before ended, so a loss shows even where a filter leaves nothing. Pure.
 */
import type { LoggedEvent, WatchEventsResponse } from '../generated/types.ts'

/** Events and gaps that are held; the archive has the rest. */
const ITEMS_MAX = 2_000

export interface GapItem {
  readonly kind: 'gap'
  readonly firstSequence: number
  readonly lastSequence: number
  /** The log itself is another one: its numbers begin anew. */
  readonly isOtherLog: boolean
}

export interface EventItem {
  readonly kind: 'event'
  readonly logged: LoggedEvent
}

export type FeedItem = EventItem | GapItem

export interface EventFeed {
  /** Oldest first. */
  readonly items: readonly FeedItem[]
  /** Everything up to here was looked at; a new watch goes on behind it. */
  readonly sequence: number
  readonly logId: string
  readonly isCaughtUp: boolean
  /** Events that went missing and were not found again. */
  readonly missing: number
  /** Watches that went on where the last one ended. */
  readonly resumes: number
}

export const EMPTY_FEED: EventFeed = {
  items: [],
  sequence: 0,
  logId: '',
  isCaughtUp: false,
  missing: 0,
  resumes: 0,
}

/** Another watch begins. */
export function beginWatch(feed: EventFeed): EventFeed {
  return { ...feed, isCaughtUp: false, resumes: feed.sequence > 0 ? feed.resumes + 1 : feed.resumes }
}

export function acceptMessage(before: EventFeed, message: WatchEventsResponse): EventFeed {
  const isOtherLog =
    message.gap?.logReplaced === true ||
    (message.logId !== '' && before.logId !== '' && message.logId !== before.logId)
  // A whole log is gone, so how much is missing is not known.
  const feed = isOtherLog ? { ...before, sequence: 0 } : before
  const gap = isOtherLog ? gapOf(0, 0, true) : findGap(feed, message)
  const fresh = message.events.filter(({ sequence }) => sequence > feed.sequence)
  const added: FeedItem[] = fresh.map((logged) => ({ kind: 'event', logged }))
  return {
    ...feed,
    items: [...feed.items, ...(gap === undefined ? [] : [gap]), ...added].slice(-ITEMS_MAX),
    sequence: Math.max(feed.sequence, message.sequence),
    logId: message.logId === '' ? feed.logId : message.logId,
    isCaughtUp: feed.isCaughtUp || message.caughtUp,
    missing: feed.missing + (gap === undefined || isOtherLog ? 0 : sizeOf(gap)),
  }
}

/** The events of a gap, found in the archive: they take its place. */
export function fillGap(feed: EventFeed, gap: GapItem, found: readonly LoggedEvent[]): EventFeed {
  const index = feed.items.indexOf(gap)
  if (index < 0) return feed
  const items: FeedItem[] = [...found]
    .filter(({ sequence }) => sequence >= gap.firstSequence && sequence <= gap.lastSequence)
    .sort((a, b) => a.sequence - b.sequence)
    .map((logged) => ({ kind: 'event', logged }))
  return {
    ...feed,
    items: feed.items.toSpliced(index, 1, ...items).slice(-ITEMS_MAX),
    missing: feed.missing - sizeOf(gap),
  }
}

function findGap(feed: EventFeed, { gap, previousSequence }: WatchEventsResponse): GapItem | undefined {
  if (gap !== undefined) return gapOf(gap.firstSequence, gap.lastSequence, false)
  if (feed.sequence === 0 || previousSequence <= feed.sequence) return undefined
  return gapOf(feed.sequence + 1, previousSequence, false)
}

function gapOf(firstSequence: number, lastSequence: number, isOtherLog: boolean): GapItem {
  return { kind: 'gap', firstSequence, lastSequence, isOtherLog }
}

function sizeOf({ firstSequence, lastSequence }: GapItem): number {
  return lastSequence - firstSequence + 1
}
