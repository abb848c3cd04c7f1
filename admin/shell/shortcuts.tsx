import { useEffect, useState } from 'preact/hooks'
import { unacknowledgedAlerts } from '../alerts/alert-board.ts'
import { Dialog } from '../parts/dialog.tsx'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'
import { isMeantElsewhere } from './keys.ts'
import { goTo } from './navigate.ts'
import { VIEWS } from './route.ts'

/** What keys do everywhere, and the list of them. */
export function Shortcuts() {
  const words = useWords()
  const { board, alarm } = useRoom()
  const [isShown, show] = useState(false)

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isMeantElsewhere(event)) return
      const view = VIEWS[Number(event.key) - 1]
      const [waiting] = unacknowledgedAlerts(board.value)
      if (view !== undefined) goTo({ view, id: '' })
      else if (event.key === '?') show(true)
      else if (event.key === 'm') alarm.mute(alarm.state.value !== 'muted')
      else if (event.key === 'a' && waiting !== undefined) goTo({ view: 'alerts', id: waiting.alertId })
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [board, alarm])

  const rows: readonly (readonly [string, string])[] = [
    ...VIEWS.map((view, index) => [String(index + 1), words.help.view(words.views[view])] as const),
    ['a', words.help.alert],
    ['j', words.help.next],
    ['k', words.help.previous],
    ['p', words.help.pause],
    ['m', words.help.mute],
    ['?', words.help.help],
  ]
  return (
    <>
      <button type="button" class="help" aria-label={words.help.show} onClick={() => show(true)}>
        ?
      </button>
      {isShown && (
        <Dialog title={words.help.title} onClose={() => show(false)}>
          <dl class="keys">
            {rows.map(([key, text]) => (
              <div key={key}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
          <form method="dialog">
            <button type="submit">{words.help.close}</button>
          </form>
        </Dialog>
      )}
    </>
  )
}
