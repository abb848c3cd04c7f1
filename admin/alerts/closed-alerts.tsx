import { useEffect, useState } from 'preact/hooks'
import type { Alert } from '../generated/types.ts'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'
import { AlertRow } from './alert-row.tsx'

const PAGE_SIZE = 50

interface Props {
  readonly chosen: string
  readonly onChoose: (alertId: string) => void
}

export function ClosedAlerts({ chosen, onChoose }: Props) {
  const words = useWords()
  const { operations } = useRoom()
  const [alerts, setAlerts] = useState<readonly Alert[]>()
  const [nextPage, setNextPage] = useState('')
  const { run, isBusy, problem } = useAction()

  const read = (pageToken: string) =>
    run(async () => {
      const page = await operations.call.sos.listAlerts({
        statuses: ['RESOLVED', 'CANCELLED'],
        pageSize: PAGE_SIZE,
        pageToken,
      })
      setAlerts((before) => [...(before ?? []), ...page.alerts])
      setNextPage(page.nextPageToken)
    })
  useEffect(() => read(''), [])

  return (
    <>
      <Problem text={problem} />
      {alerts === undefined ? (
        <p class="empty">{isBusy ? words.reading : ''}</p>
      ) : alerts.length === 0 ? (
        <p class="empty">{words.alerts.noneClosed}</p>
      ) : (
        <ul class="rows">
          {alerts.map((alert) => (
            <AlertRow
              key={alert.alertId}
              alert={alert}
              isChosen={alert.alertId === chosen}
              onChoose={onChoose}
            />
          ))}
        </ul>
      )}
      {nextPage !== '' && (
        <button type="button" class="more" disabled={isBusy} onClick={() => read(nextPage)}>
          {words.next}
        </button>
      )}
    </>
  )
}
