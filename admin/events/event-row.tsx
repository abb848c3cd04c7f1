import type { JsonObject } from '../../sdk/json.ts'
import type { LoggedEvent } from '../generated/types.ts'
import { ClockTime } from '../parts/age.tsx'
import { goTo } from '../shell/navigate.ts'
import { useWords } from '../words/words.ts'

function dataText(data: JsonObject | undefined): string {
  return Object.entries(data ?? {})
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' · ')
}

export function EventRow({ logged: { sequence, recordedAt, event } }: { logged: LoggedEvent }) {
  const words = useWords()
  if (event === undefined) return null
  const { type, severity, tripId, userId, alertId, region, data, source } = event
  return (
    <li class={`event severity-${severity}`}>
      <span class="mono soft sequence">{sequence}</span>
      <span class="soft">
        <ClockTime atMs={recordedAt} />
      </span>
      <span class="type">
        <b>{type}</b> {severity !== 'INFO' && <span class="badge">{words.severity[severity]}</span>}
      </span>
      <span class="about">
        {alertId !== '' && (
          <button type="button" class="link-button" onClick={() => goTo({ view: 'alerts', id: alertId })}>
            SOS {alertId}
          </button>
        )}
        {tripId !== '' && (
          <button type="button" class="link-button" onClick={() => goTo({ view: 'map', id: tripId })}>
            {tripId}
          </button>
        )}
        {userId !== '' && <span>{userId}</span>}
        {region !== '' && <span>{region}</span>}
        <span class="soft">{dataText(data)}</span>
      </span>
      <span class="soft">{source}</span>
    </li>
  )
}
