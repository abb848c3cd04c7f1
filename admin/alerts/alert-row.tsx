import type { Alert } from '../generated/types.ts'
import { ClockTime } from '../parts/age.tsx'
import { useServerNow } from '../parts/use-room.ts'
import { spanText } from '../words/time.ts'
import { useWords } from '../words/words.ts'
import { isOpen, isUnacknowledged } from './alert-board.ts'

interface Props {
  readonly alert: Alert
  readonly isChosen: boolean
  readonly onChoose: (alertId: string) => void
}

export function AlertRow({ alert, isChosen, onChoose }: Props) {
  const words = useWords()
  const nowMs = useServerNow()
  const { alertId, userId, role, triggeredAt, acknowledgedAt, acknowledgedBy, escalations } = alert
  const sinceMs = isUnacknowledged(alert) ? triggeredAt : acknowledgedAt
  return (
    <li>
      <button
        type="button"
        class={`row alert-row status-${alert.status}`}
        aria-current={isChosen ? 'true' : undefined}
        onClick={() => onChoose(alertId)}
      >
        <span class="row-main">
          <span class="row-title">{userId}</span>
          <span class="soft">
            {words.roles[role] ?? role} · <ClockTime atMs={triggeredAt} />
          </span>
        </span>
        <span class="row-side">
          {isOpen(alert) && <b class="timer">{spanText(nowMs - sinceMs)}</b>}
          <span class={`badge badge-${alert.status}`}>{words.status[alert.status]}</span>
        </span>
        <span class="row-foot soft">
          {isUnacknowledged(alert) ? words.alerts.escalatedTimes(escalations) : acknowledgedBy}
        </span>
      </button>
    </li>
  )
}
