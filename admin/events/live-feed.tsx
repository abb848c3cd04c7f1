import { useEffect, useState } from 'preact/hooks'
import { useRoom } from '../parts/use-room.ts'
import { isMeantElsewhere } from '../shell/keys.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import type { EventFeed, FeedItem } from './event-feed.ts'
import { EventFilters } from './event-filters.tsx'
import { EventRow } from './event-row.tsx'
import { GapRow } from './gap-row.tsx'

/** More rows than this nobody reads; the archive finds what is further down. */
const SHOWN_MAX = 200

function keyOf(item: FeedItem): string {
  return item.kind === 'event' ? `e${item.logged.sequence}` : `g${item.firstSequence}-${item.lastSequence}`
}

function newerThan({ items }: EventFeed, sequence: number): number {
  const first = items.findIndex((item) => item.kind === 'event' && item.logged.sequence > sequence)
  return first < 0 ? 0 : items.length - first
}

export function LiveFeed() {
  const words = useWords()
  const { events } = useRoom()
  const feed = useStore(events.feed)
  const filter = useStore(events.filter)
  const isDown = useStore(events.isDown)
  const [paused, setPaused] = useState<EventFeed>()
  const togglePause = () => setPaused((before) => (before === undefined ? events.feed.value : undefined))

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'p' && !isMeantElsewhere(event)) togglePause()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  })

  const shown = (paused ?? feed).items.slice(-SHOWN_MAX).toReversed()
  return (
    <>
      <EventFilters
        filter={filter}
        onApply={(chosen) => {
          setPaused(undefined)
          events.choose(chosen)
        }}
      />
      <div class="feed-head">
        <Continuity feed={feed} />
        {isDown ? (
          <p class="warn" role="status">
            {words.events.down}
          </p>
        ) : (
          !feed.isCaughtUp && <p class="soft">{words.events.reading}</p>
        )}
        <button type="button" aria-pressed={paused !== undefined} onClick={togglePause}>
          {paused === undefined ? words.events.pause : words.events.resume(newerThan(feed, paused.sequence))}
        </button>
      </div>
      {shown.length === 0 ? (
        <p class="empty">{words.events.none}</p>
      ) : (
        <ol class="feed" aria-label={words.views.events}>
          {shown.map((item) =>
            item.kind === 'event' ? (
              <EventRow key={keyOf(item)} logged={item.logged} />
            ) : (
              <GapRow key={keyOf(item)} gap={item} />
            ),
          )}
        </ol>
      )}
    </>
  )
}

/** Whether all of it is there: the one thing that a feed must not hide. */
function Continuity({ feed: { missing, sequence, resumes } }: { feed: EventFeed }) {
  const words = useWords()
  return (
    <p class="continuity" data-missing={missing} title={words.events.wholeHint}>
      <span class={missing === 0 ? 'good' : 'bad'}>
        {missing === 0 ? `✓ ${words.events.whole}` : words.events.missing(missing)}
      </span>{' '}
      <span class="soft mono">#{sequence}</span>
      {resumes > 0 && <span class="soft"> {words.events.resumes(resumes)}</span>}
    </p>
  )
}
