import type { Alert } from '../generated/types.ts'
import { useServerNow } from '../parts/use-room.ts'
import type { Words } from '../words/en.ts'
import { spanText } from '../words/time.ts'
import { useWords } from '../words/words.ts'
import { isOpen, isUnacknowledged } from './alert-board.ts'

function nextText({ nextEscalationAt }: Alert, nowMs: number, { alerts }: Words): string {
  if (nextEscalationAt === 0) return ''
  const inMs = nextEscalationAt - nowMs
  return inMs > 0 ? alerts.nextIn(spanText(inMs)) : alerts.nextNow
}

/** How long help has been waited for, and when the next one is told. */
export function AlertTimers({ alert }: { alert: Alert }) {
  const words = useWords()
  const nowMs = useServerNow()
  const { triggeredAt, acknowledgedAt, closedAt, escalations } = alert
  const isTaken = acknowledgedAt > 0
  return (
    <dl class="timers">
      <div>
        <dt>{isTaken ? words.alerts.tookToTake : words.alerts.waitingFor}</dt>
        <dd class={`timer ${isUnacknowledged(alert) ? 'timer-urgent' : ''}`}>
          {spanText((isTaken ? acknowledgedAt : isOpen(alert) ? nowMs : closedAt) - triggeredAt)}
        </dd>
      </div>
      {isTaken && (
        <div>
          <dt>{words.alerts.inHandFor}</dt>
          <dd class="timer">{spanText((closedAt === 0 ? nowMs : closedAt) - acknowledgedAt)}</dd>
        </div>
      )}
      <div>
        <dt>{words.alerts.escalation}</dt>
        <dd>
          {words.alerts.escalatedTimes(escalations)}
          <span class="soft"> {nextText(alert, nowMs, words)}</span>
        </dd>
      </div>
    </dl>
  )
}
