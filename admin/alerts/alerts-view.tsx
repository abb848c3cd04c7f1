import { useState } from 'preact/hooks'
import { Tabs } from '../parts/tabs.tsx'
import { useListKeys } from '../parts/use-list-keys.ts'
import { useRoom } from '../parts/use-room.ts'
import { goTo, route } from '../shell/navigate.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { openAlerts } from './alert-board.ts'
import { AlertDetail } from './alert-detail.tsx'
import { AlertRow } from './alert-row.tsx'
import { ClosedAlerts } from './closed-alerts.tsx'
import { TestAlert } from './test-alert.tsx'

function choose(id: string): void {
  goTo({ view: 'alerts', id })
}

export function AlertsView() {
  const words = useWords()
  const room = useRoom()
  const board = useStore(room.board)
  const isKnown = !useStore(room.areAlertsDown) && board.isCaughtUp
  const { id } = useStore(route)
  const [shown, show] = useState<'open' | 'closed'>('open')
  const isClosed = shown === 'closed'
  const open = openAlerts(board)
  useListKeys(isClosed ? [] : open.map(({ alertId }) => alertId), id, choose)

  return (
    <div class={`split ${id === '' ? '' : 'split-chosen'}`}>
      <section class="list" aria-label={words.views.alerts}>
        <Tabs
          label={words.views.alerts}
          tabs={[
            { name: 'open', label: `${words.alerts.open} ${open.length}` },
            { name: 'closed', label: words.alerts.closed },
          ]}
          chosen={shown}
          onChoose={show}
        />
        {isClosed ? (
          <ClosedAlerts chosen={id} onChoose={choose} />
        ) : open.length === 0 ? (
          <p class="empty">{isKnown ? words.alerts.none : words.alerts.loading}</p>
        ) : (
          <ul class="rows">
            {open.map((alert) => (
              <AlertRow key={alert.alertId} alert={alert} isChosen={alert.alertId === id} onChoose={choose} />
            ))}
          </ul>
        )}
        <TestAlert />
      </section>
      <section class="detail" aria-live="off">
        {id === '' ? <p class="empty">{words.alerts.choose}</p> : <AlertDetail key={id} alertId={id} />}
      </section>
    </div>
  )
}
