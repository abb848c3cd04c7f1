import { useEffect } from 'preact/hooks'
import { ClockTime } from '../parts/age.tsx'
import { PollState } from '../parts/poll-state.tsx'
import { useRoom } from '../parts/use-room.ts'
import { usePoll } from '../store/use-poll.ts'
import { useWords } from '../words/words.ts'

const READ_EVERY_MS = 30_000
/** Enough of a hash to compare by eye. */
const HASH_SHOWN = 10

export function AuditTrail({ alertId, version }: { alertId: string; version: number }) {
  const words = useWords()
  const { operations } = useRoom()
  const polled = usePoll(() => operations.call.sos.getAuditTrail({ alertId }), READ_EVERY_MS, alertId)
  const { refresh } = polled
  useEffect(() => refresh(), [version, refresh])
  return (
    <section class="block audit" aria-label={words.alerts.audit}>
      <h3>{words.alerts.audit}</h3>
      <PollState polled={polled}>
        {({ entries, brokenAt }) => (
          <>
            <p class={brokenAt === 0 ? 'good' : 'notice notice-critical'}>
              {brokenAt === 0 ? words.alerts.auditWhole : words.alerts.auditBroken(brokenAt)}
            </p>
            <ol>
              {entries.map(({ number, action, actor, note, at, hash }) => (
                <li key={number} class={number === brokenAt ? 'bad' : ''}>
                  <span class="soft">
                    <ClockTime atMs={at} />
                  </span>
                  <b>{action}</b>
                  <span>{actor}</span>
                  <span class="note">{note}</span>
                  <span class="soft mono" title={hash}>
                    {hash.slice(0, HASH_SHOWN)}
                  </span>
                </li>
              ))}
            </ol>
          </>
        )}
      </PollState>
    </section>
  )
}
