import { type Liveness, livenessOf } from '../link/liveness.ts'
import { useRoom } from '../parts/use-room.ts'
import { useNow } from '../store/use-now.ts'
import { useStore } from '../store/use-store.ts'
import type { Words } from '../words/en.ts'
import { useWords } from '../words/words.ts'

function livenessText(liveness: Liveness, { link }: Words): string {
  switch (liveness.kind) {
    case 'live':
      return link.live
    case 'connecting':
      return link.connecting
    case 'stopped':
      return link.stopped
    case 'behind':
      return link.behind(liveness.seconds)
    case 'waiting':
      return link.waiting(liveness.seconds)
  }
}

function useLiveness(): Liveness {
  const link = useStore(useRoom().link)
  return livenessOf(link, useNow(Date.now))
}

/** Always in view: whether what one sees is live, and by which edge. */
export function LinkState() {
  const words = useWords()
  const { edgeId } = useStore(useRoom().link)
  const liveness = useLiveness()
  return (
    <p class={`link link-${liveness.kind}`} data-link={liveness.kind}>
      <span class="dot" aria-hidden="true" />
      <span>{livenessText(liveness, words)}</span>
      {liveness.kind === 'live' && (
        <span class="soft" data-edge>
          {edgeId}
        </span>
      )}
    </p>
  )
}

/** Where it is not live, a line that cannot be overlooked. Screen readers hear the kind, not each second. */
export function LinkNotice() {
  const words = useWords()
  const { operations } = useRoom()
  const { kind } = useLiveness()
  const isLost = kind === 'waiting' || kind === 'stopped' || kind === 'connecting'
  const text = isLost ? words.link.lost : kind === 'behind' ? words.link.stale : ''
  return (
    <div class={text === '' ? '' : 'notice notice-warning link-notice'} role="status">
      {text}
      {kind === 'waiting' && (
        <button type="button" onClick={() => operations.wake()}>
          {words.link.now}
        </button>
      )}
    </div>
  )
}
