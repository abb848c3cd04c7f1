import { useState } from 'preact/hooks'
import type { ListEventsResponse } from '../generated/types.ts'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'
import { EventFilters } from './event-filters.tsx'
import { EventRow } from './event-row.tsx'
import type { EventFilter } from './event-watch.ts'

const PAGE_SIZE = 100

function msOf(localTime: string): number {
  const ms = new Date(localTime).getTime()
  return Number.isFinite(ms) ? ms : 0
}

/** The archive keeps events for longer than the log, newest first. */
export function ArchiveSearch() {
  const words = useWords()
  const { operations } = useRoom()
  const [filter, setFilter] = useState<EventFilter>({})
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const [found, setFound] = useState<ListEventsResponse>()
  const { run, isBusy, problem } = useAction()

  const search = (asked: EventFilter, pageToken: string) =>
    run(async () => {
      const page = await operations.call.admin.listEvents({
        ...asked,
        fromMs: msOf(from),
        toMs: msOf(to),
        pageSize: PAGE_SIZE,
        pageToken,
      })
      setFound((before) =>
        pageToken === '' ? page : { ...page, events: [...(before?.events ?? []), ...page.events] },
      )
    })

  return (
    <>
      <div class="filters">
        <label class="field">
          <span>{words.events.from}</span>
          <input
            type="datetime-local"
            value={from}
            onInput={({ currentTarget }) => setFrom(currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{words.events.to}</span>
          <input
            type="datetime-local"
            value={to}
            onInput={({ currentTarget }) => setTo(currentTarget.value)}
          />
        </label>
      </div>
      <EventFilters
        filter={filter}
        action={words.events.search}
        onApply={(chosen) => {
          setFilter(chosen)
          search(chosen, '')
        }}
      />
      <Problem text={problem} />
      {found !== undefined && found.events.length === 0 && <p class="empty">{words.events.noneFound}</p>}
      <ol class="feed" aria-label={words.events.archive}>
        {found?.events.map((logged) => (
          <EventRow key={logged.sequence} logged={logged} />
        ))}
      </ol>
      {found !== undefined && found.nextPageToken !== '' && (
        <button
          type="button"
          class="more"
          disabled={isBusy}
          onClick={() => search(filter, found.nextPageToken)}
        >
          {words.next}
        </button>
      )}
    </>
  )
}
