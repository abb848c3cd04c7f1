import { PollState } from '../parts/poll-state.tsx'
import { useRoom } from '../parts/use-room.ts'
import { usePoll } from '../store/use-poll.ts'
import { useWords } from '../words/words.ts'
import { LiveSessions } from './live-sessions.tsx'
import { PoolTable } from './pool-table.tsx'

const READ_EVERY_MS = 5_000
const PAGE_SIZE = 200

export function CallsView() {
  const words = useWords()
  const { maskCall } = useRoom().operations.call
  const pool = usePoll(() => maskCall.getPool({}), READ_EVERY_MS, 'pool')
  const sessions = usePoll(() => maskCall.listSessions({ pageSize: PAGE_SIZE }), READ_EVERY_MS, 'sessions')
  return (
    <div class="page">
      <section class="block" aria-label={words.calls.pool}>
        <h2>{words.calls.pool}</h2>
        <PollState polled={pool}>{(read) => <PoolTable pool={read} />}</PollState>
      </section>
      <section class="block" aria-label={words.calls.sessions}>
        <h2>{words.calls.sessions}</h2>
        <PollState polled={sessions}>{(read) => <LiveSessions sessions={read.sessions} />}</PollState>
      </section>
    </div>
  )
}
