import type { LinkState } from '../socket/link.ts'

interface Props {
  readonly link: LinkState
  readonly isShared: boolean
  readonly isEmpty: boolean
  readonly onRetry: () => void
}

/** What stands between the person and a live map, in the middle of the page or below it. */
export function Notice({ link, isShared, isEmpty, onRetry }: Props) {
  if (link.kind === 'stopped') {
    return (
      <section class={`panel notice ${isEmpty ? '' : 'notice-beside-map'}`} role="alert">
        <h2>{link.message}</h2>
        {!isShared && <p>To follow one trip, open its share link.</p>}
        {isShared && !isEmpty && <p>The map shows where it was last seen.</p>}
      </section>
    )
  }
  if (link.kind === 'waiting') {
    return (
      <section class="panel toast">
        <p>The connection was lost. Positions may be old.</p>
        <button type="button" onClick={onRetry}>
          Reconnect now
        </button>
      </section>
    )
  }
  if (link.kind === 'live' && isEmpty) {
    return (
      <section class="panel toast">
        <p>{isShared ? 'Waiting for the first position of this trip.' : 'No vehicle in view.'}</p>
      </section>
    )
  }
  return null
}
