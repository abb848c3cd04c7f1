import { useState } from 'preact/hooks'
import type { Alert } from '../generated/types.ts'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useFocus } from '../parts/use-focus.ts'
import { useRoom } from '../parts/use-room.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { isOpen, isUnacknowledged } from './alert-board.ts'

/** Taking, handing on, closing. */
export function AlertActions({ alert }: { alert: Alert }) {
  const words = useWords()
  const room = useRoom()
  const { sos } = room.operations.call
  const userId = useStore(room.userId)
  const { run, isBusy, problem } = useAction()
  const [isResolving, setResolving] = useState(false)
  const [assignee, setAssignee] = useState('')
  if (!isOpen(alert)) return null
  const { alertId } = alert

  const take = () =>
    run(async () => room.accept((await sos.acknowledgeAlert({ alertId })).alert), words.alerts.acknowledged)
  const assign = (to: string) =>
    run(async () => room.accept((await sos.assignAlert({ alertId, assignee: to })).alert))

  return (
    <div class="actions">
      {isUnacknowledged(alert) && (
        <button type="button" class="primary" disabled={isBusy} onClick={take}>
          {words.alerts.acknowledge}
        </button>
      )}
      {alert.assignedTo !== userId && (
        <button type="button" disabled={isBusy} onClick={() => assign(userId)}>
          {words.alerts.assignMe}
        </button>
      )}
      <form
        class="assign"
        onSubmit={(event) => {
          event.preventDefault()
          if (assignee.trim() === '') return
          assign(assignee.trim())
          setAssignee('')
        }}
      >
        <input
          aria-label={words.alerts.assignee}
          placeholder={words.alerts.assignee}
          autocomplete="off"
          spellcheck={false}
          value={assignee}
          onInput={({ currentTarget }) => setAssignee(currentTarget.value)}
        />
        <button type="submit" disabled={isBusy}>
          {words.alerts.assign}
        </button>
      </form>
      {!isResolving && (
        <button type="button" onClick={() => setResolving(true)}>
          {words.alerts.resolve}…
        </button>
      )}
      {isResolving && <ResolveForm alertId={alertId} onCancel={() => setResolving(false)} />}
      <Problem text={problem} />
    </div>
  )
}

function ResolveForm({ alertId, onCancel }: { alertId: string; onCancel: () => void }) {
  const words = useWords()
  const room = useRoom()
  const field = useFocus<HTMLTextAreaElement>()
  const [notes, setNotes] = useState('')
  const [isMissing, setMissing] = useState(false)
  const { run, isBusy, problem } = useAction()
  return (
    <form
      class="resolve"
      onSubmit={(event) => {
        event.preventDefault()
        const text = notes.trim()
        setMissing(text === '')
        if (text === '') return
        run(
          async () =>
            room.accept((await room.operations.call.sos.resolveAlert({ alertId, notes: text })).alert),
          words.alerts.resolved,
        )
      }}
    >
      <label class="field">
        <span>{words.alerts.notes}</span>
        <textarea
          rows={3}
          maxLength={4000}
          aria-invalid={isMissing}
          value={notes}
          ref={field}
          onInput={({ currentTarget }) => setNotes(currentTarget.value)}
        />
        <small class="soft">{words.alerts.notesHint}</small>
      </label>
      <Problem text={isMissing ? words.alerts.notesNeeded : problem} />
      <div class="buttons">
        <button type="submit" class="primary" disabled={isBusy}>
          {words.alerts.resolve}
        </button>
        <button type="button" class="quiet" onClick={onCancel}>
          {words.cancel}
        </button>
      </div>
    </form>
  )
}
