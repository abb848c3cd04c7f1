import type { Alert, Legs } from '../generated/types.ts'
import { ClockTime } from '../parts/age.tsx'
import { goTo } from '../shell/navigate.ts'
import { useWords } from '../words/words.ts'

const LEGS = ['database', 'stream', 'admin', 'contacts'] as const satisfies readonly (keyof Legs)[]

export function AlertFacts({ alert }: { alert: Alert }) {
  const words = useWords()
  const { userId, role, tripId, bookingId, triggeredAt, acknowledgedBy, assignedTo, resolvedBy, notes } =
    alert
  const facts: readonly (readonly [string, string])[] = [
    [words.alerts.person, `${userId} · ${words.roles[role] ?? role}`],
    ...(bookingId === '' ? [] : [[words.alerts.booking, bookingId] as const]),
    [words.alerts.takenBy, acknowledgedBy === '' ? words.alerts.nobody : acknowledgedBy],
    [words.alerts.assignedTo, assignedTo === '' ? words.alerts.nobody : assignedTo],
    ...(resolvedBy === '' ? [] : [[words.alerts.resolvedBy, resolvedBy] as const]),
    ...(notes === '' ? [] : [[words.alerts.notes, notes] as const]),
  ]
  return (
    <>
      <dl class="facts">
        <div>
          <dt>{words.alerts.raised}</dt>
          <dd>
            <ClockTime atMs={triggeredAt} />
          </dd>
        </div>
        <div>
          <dt>{words.alerts.trip}</dt>
          <dd>
            {tripId === '' ? (
              words.alerts.noTrip
            ) : (
              <button type="button" class="link-button" onClick={() => goTo({ view: 'map', id: tripId })}>
                {tripId}
              </button>
            )}
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <ul class="legs">
        {LEGS.map((name) => {
          const state = alert.legs?.[name] ?? 'LEG_STATE_UNSPECIFIED'
          return (
            <li key={name} class={`leg leg-${state}`}>
              {words.alerts.legs[name]} <b>{words.leg[state]}</b>
            </li>
          )
        })}
      </ul>
    </>
  )
}
