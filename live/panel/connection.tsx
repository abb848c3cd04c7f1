import type { LinkState } from '../socket/link.ts'

function connectionText(link: LinkState, nowMs: number): string {
  switch (link.kind) {
    case 'connecting':
      return 'Connecting…'
    case 'live':
      return 'Live'
    case 'waiting':
      return `Reconnecting in ${Math.max(0, Math.ceil((link.untilMs - nowMs) / 1000))} s`
    case 'stopped':
      return 'Not live'
  }
}

/** Whether what one sees is live, and by which edge. Screen readers hear the kind of state, not each second. */
export function Connection({ link, nowMs }: { link: LinkState; nowMs: number }) {
  const announced = link.kind === 'waiting' ? 'Connection lost, reconnecting' : connectionText(link, nowMs)
  return (
    <p class={`connection connection-${link.kind}`}>
      <span class="dot" aria-hidden="true" />
      <span aria-hidden="true">{connectionText(link, nowMs)}</span>
      {link.kind === 'live' && <span class="edge">{link.edgeId}</span>}
      <span class="unseen" role="status">
        {announced}
      </span>
    </p>
  )
}
