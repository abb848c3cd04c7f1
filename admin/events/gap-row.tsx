import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'
import type { GapItem } from './event-feed.ts'

/** A place where events are missing, with the way to get them. */
export function GapRow({ gap }: { gap: GapItem }) {
  const words = useWords()
  const { events } = useRoom()
  const { run, isBusy, problem } = useAction()
  if (gap.isOtherLog) return <li class="feed-gap">{words.events.otherLog}</li>
  return (
    <li class="feed-gap">
      <b>{words.events.gap(gap.firstSequence, gap.lastSequence)}</b>
      <button type="button" disabled={isBusy} onClick={() => run(() => events.fill(gap))}>
        {words.events.fill}
      </button>
      <Problem text={problem === '' ? '' : words.events.fillFailed} />
    </li>
  )
}
