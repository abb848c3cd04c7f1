import { useEffect, useRef } from 'preact/hooks'
import { isUnacknowledged, unacknowledgedAlerts } from '../alerts/alert-board.ts'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom, useServerNow } from '../parts/use-room.ts'
import { goTo } from '../shell/navigate.ts'
import { useStore } from '../store/use-store.ts'
import { spanText } from '../words/time.ts'
import { useWords } from '../words/words.ts'
import { showInTitle } from './title-badge.ts'

/** In every view: the alerts that nobody has taken, and whether they are heard. */
export function AlarmBar() {
  const words = useWords()
  const { board, operations, accept } = useTaking()
  const nowMs = useServerNow()
  const waiting = unacknowledgedAlerts(board)
  const [oldest] = waiting
  const { run, isBusy, problem } = useAction()
  useEffect(() => {
    showInTitle(words.title, waiting.length)
    return () => showInTitle(words.title, 0)
  }, [words, waiting.length])

  return (
    <section
      class={`alarm-bar ${oldest === undefined ? '' : 'alarm-bar-waiting'}`}
      aria-label={words.alarm.label}
    >
      <NewAlerts />
      {oldest === undefined ? (
        <Calm />
      ) : (
        <>
          <p class="alarm-count">{words.alarm.waiting(waiting.length)}</p>
          <p class="alarm-oldest">
            <span class="alarm-who">{oldest.userId}</span>
            <span>
              {words.alarm.oldest} <b class="timer">{spanText(nowMs - oldest.triggeredAt)}</b>
            </span>
          </p>
          <span class="alarm-actions">
            <button
              type="button"
              class="on-red"
              disabled={isBusy}
              onClick={() =>
                run(async () => {
                  const { alertId } = oldest
                  accept((await operations.call.sos.acknowledgeAlert({ alertId })).alert)
                  goTo({ view: 'alerts', id: alertId })
                }, words.alerts.acknowledged)
              }
            >
              {words.alerts.acknowledge}
            </button>
            <button
              type="button"
              class="on-red quiet"
              onClick={() => goTo({ view: 'alerts', id: oldest.alertId })}
            >
              {words.alarm.open}
            </button>
          </span>
        </>
      )}
      <SoundButton />
      <Problem text={problem} />
    </section>
  )
}

/** That no alert waits is said only where it is known. */
function Calm() {
  const { alarm, alerts } = useWords()
  const room = useRoom()
  const { isCaughtUp } = useStore(room.board)
  const areDown = useStore(room.areAlertsDown)
  if (areDown) return <p class="bad">{alerts.down}</p>
  return <p class="soft">{isCaughtUp ? alarm.none : alerts.loading}</p>
}

function useTaking() {
  const room = useRoom()
  return {
    board: useStore(room.board),
    operations: room.operations,
    accept: room.accept.bind(room),
  }
}

/** Says each alert that is new once, to those who hear the page. */
function NewAlerts() {
  const words = useWords()
  const { board } = useRoom()
  const { alerts } = useStore(board)
  const heard = useRef(new Set<string>())
  const fresh = [...alerts.values()].filter(
    (alert) => isUnacknowledged(alert) && !heard.current.has(alert.alertId),
  )
  useEffect(() => {
    for (const { alertId } of fresh) heard.current.add(alertId)
  })
  return (
    <p class="unseen" role="alert" aria-live="assertive">
      {fresh.map(({ userId }) => words.alarm.announce(userId)).join('. ')}
    </p>
  )
}

function SoundButton() {
  const words = useWords()
  const { alarm } = useRoom()
  const state = useStore(alarm.state)
  const isMuted = state === 'muted'
  return (
    <button
      type="button"
      class={`sound sound-${state}`}
      data-alarm={state}
      aria-pressed={isMuted}
      aria-label={words.alarm.sound[state]}
      title={isMuted ? words.alarm.unmute : words.alarm.mute}
      onClick={() => (state === 'blocked' ? alarm.allow() : alarm.mute(!isMuted))}
    >
      <svg class="icon" viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
        <path d="M3 8H6L10 4.500V15.500L6 12H3Z" />
        <path
          d={
            state === 'quiet' || state === 'sounding'
              ? 'M13 7.500Q15 10 13 12.500M15.500 5.500Q19 10 15.500 14.500'
              : 'M13 8 17 12M17 8 13 12'
          }
        />
      </svg>
      <span class="sound-text">{words.alarm.sound[state]}</span>
    </button>
  )
}
