import { openAlerts, unacknowledgedAlerts } from '../alerts/alert-board.ts'
import type { GetOverviewResponse } from '../generated/types.ts'
import { useRoom } from '../parts/use-room.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { Account, AccountButton } from './account.tsx'
import { Icon } from './icon.tsx'
import { LinkState } from './link-state.tsx'
import { goTo, route } from './navigate.ts'
import { pathOf, VIEWS, type ViewName } from './route.ts'

/** Undefined where there is nothing to count, or nobody knows. */
function countOf(view: ViewName, overview: GetOverviewResponse | undefined): number | undefined {
  switch (view) {
    case 'map':
      return overview?.trips?.active
    case 'documents':
      return overview?.documents?.waiting
    case 'messages':
      return overview?.notifications?.dead
    case 'fleet':
      return overview?.edges?.edges.length
    case 'alerts':
    case 'events':
    case 'calls':
      return undefined
  }
}

export function Navigation({ onLeave }: { onLeave: () => void }) {
  const words = useWords()
  const room = useRoom()
  const { view: current } = useStore(route)
  const overview = useStore(room.overview)
  const board = useStore(room.board)
  const waiting = unacknowledgedAlerts(board).length
  return (
    <div class="side">
      <div class="brand">
        <h1>
          HushRyd <span class="soft">ops</span>
        </h1>
        <LinkState />
        <AccountButton onLeave={onLeave} />
      </div>
      <nav aria-label={words.navigation}>
        <ul>
          {VIEWS.map((view, index) => {
            const count = view === 'alerts' ? openAlerts(board).length : countOf(view, overview)
            const isUrgent = view === 'alerts' && waiting > 0
            return (
              <li key={view}>
                <a
                  href={pathOf({ view, id: '' })}
                  aria-current={view === current ? 'page' : undefined}
                  title={String(index + 1)}
                  onClick={(event) => {
                    if (event.ctrlKey || event.metaKey || event.shiftKey) return
                    event.preventDefault()
                    goTo({ view, id: '' })
                  }}
                >
                  <Icon name={view} />
                  <span class="name">{words.views[view]}</span>
                  {count !== undefined && count > 0 && (
                    <span class={`count ${isUrgent ? 'count-urgent' : ''}`}>
                      {count.toLocaleString(words.locale)}
                    </span>
                  )}
                </a>
              </li>
            )
          })}
        </ul>
      </nav>
      <Account onLeave={onLeave} />
    </div>
  )
}
