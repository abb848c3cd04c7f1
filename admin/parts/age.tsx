import { agoText, clockText } from '../words/time.ts'
import { useWords } from '../words/words.ts'
import { useServerNow } from './use-room.ts'

/** How long ago, with the time itself for those who hover. */
export function Age({ atMs }: { atMs: number }) {
  const words = useWords()
  const nowMs = useServerNow()
  return (
    <time dateTime={new Date(atMs).toISOString()} title={clockText(atMs, nowMs, words)}>
      {agoText(nowMs - atMs, words)}
    </time>
  )
}

export function ClockTime({ atMs }: { atMs: number }) {
  const words = useWords()
  return <time dateTime={new Date(atMs).toISOString()}>{clockText(atMs, Date.now(), words)}</time>
}
