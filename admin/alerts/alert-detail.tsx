import { useEffect } from 'preact/hooks'
import { PollState } from '../parts/poll-state.tsx'
import { useRoom } from '../parts/use-room.ts'
import { goTo } from '../shell/navigate.ts'
import { usePoll } from '../store/use-poll.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { AlertActions } from './alert-actions.tsx'
import { AlertContacts } from './alert-contacts.tsx'
import { AlertFacts } from './alert-facts.tsx'
import { AlertMap } from './alert-map.tsx'
import { AlertTimers } from './alert-timers.tsx'
import { AuditTrail } from './audit-trail.tsx'

/** The trail grows between the alert's changes. */
const READ_EVERY_MS = 10_000

export function AlertDetail({ alertId }: { alertId: string }) {
  const words = useWords()
  const room = useRoom()
  const known = useStore(room.board).alerts.get(alertId)
  const version = known?.version ?? 0
  const polled = usePoll(() => room.operations.call.sos.getAlert({ alertId }), READ_EVERY_MS, alertId)
  const { refresh } = polled
  // A change on the stream brings neither trail nor audit trail.
  useEffect(() => {
    if (version > 0) refresh()
  }, [version, refresh])

  return (
    <PollState polled={polled}>
      {({ alert: read }) => {
        // The newer of the two, with the trail of the one that has it.
        const alert = read !== undefined && known !== undefined && known.version > read.version ? known : read
        if (alert === undefined) return <p class="empty">{words.alerts.gone}</p>
        return (
          <article class="alert" aria-label={`SOS ${alert.userId}`}>
            <header class="alert-head">
              <button
                type="button"
                class="back"
                aria-label={words.help.close}
                onClick={() => goTo({ view: 'alerts', id: '' })}
              >
                ←
              </button>
              <div>
                <h2>{alert.userId}</h2>
                <p class="soft mono">{alert.alertId}</p>
              </div>
              <span class={`badge badge-${alert.status}`}>{words.status[alert.status]}</span>
            </header>
            {alert.duress && <p class="notice notice-critical">{words.alerts.duress}</p>}
            <AlertTimers alert={alert} />
            <AlertActions alert={alert} />
            <div class="columns">
              <AlertMap alert={alert} trail={read?.trail ?? []} />
              <div>
                <AlertFacts alert={alert} />
                <AlertContacts alert={alert} />
              </div>
            </div>
            <AuditTrail alertId={alertId} version={alert.version} />
          </article>
        )
      }}
    </PollState>
  )
}
