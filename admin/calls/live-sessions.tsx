import type { LiveSession } from '../generated/types.ts'
import { Table } from '../parts/table.tsx'
import { useServerNow } from '../parts/use-room.ts'
import { goTo } from '../shell/navigate.ts'
import { spanText } from '../words/time.ts'
import { useWords } from '../words/words.ts'

/** Who can reach whom right now. No number is ever here. */
export function LiveSessions({ sessions }: { sessions: readonly LiveSession[] }) {
  const { calls } = useWords()
  const nowMs = useServerNow()
  if (sessions.length === 0) return <p class="empty">{calls.none}</p>
  const heads = [
    calls.trip,
    calls.driver,
    calls.passenger,
    calls.state,
    calls.opened,
    calls.ends,
    calls.provider,
  ]
  return (
    <Table label={calls.sessions} heads={heads}>
      {sessions.map(({ sessionId, tripId, driverId, passengerId, openedAt, expiresAt, ...session }) => (
        <tr key={sessionId}>
          <th scope="row">
            <button type="button" class="link-button" onClick={() => goTo({ view: 'map', id: tripId })}>
              {tripId}
            </button>
          </th>
          <td>{driverId}</td>
          <td>{passengerId}</td>
          <td>
            <span class={session.isOnCall ? 'badge badge-RESPONDING' : 'soft'}>
              {session.isOnCall ? calls.onCall : calls.idle}
            </span>
            {session.mayRecord && <span class="soft"> {calls.recorded}</span>}
          </td>
          <td class="figure">{spanText(nowMs - openedAt)}</td>
          <td class="figure">{spanText(expiresAt - nowMs)}</td>
          <td>{session.providers.join(', ')}</td>
        </tr>
      ))}
    </Table>
  )
}
