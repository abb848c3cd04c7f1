import { useState } from 'preact/hooks'
import type { Severity } from '../generated/types.ts'
import { useWords } from '../words/words.ts'
import { EMPTY_FIELDS, type FilterFields, fieldsOf, filterOf } from './event-filter.ts'
import type { EventFilter } from './event-watch.ts'

const SEVERITIES = [
  'SEVERITY_UNSPECIFIED',
  'INFO',
  'WARNING',
  'CRITICAL',
] as const satisfies readonly Severity[]

interface Props {
  readonly filter: EventFilter
  readonly onApply: (filter: EventFilter) => void
  /** Of the button; what it does differs between feed and archive. */
  readonly action?: string
}

export function EventFilters({ filter, onApply, action }: Props) {
  const words = useWords()
  const [fields, setFields] = useState<FilterFields>(() => fieldsOf(filter))
  // On a phone the events themselves come first.
  const [isWide] = useState(() => window.matchMedia('(min-width: 761px)').matches)
  const set = (change: Partial<FilterFields>) => setFields((before) => ({ ...before, ...change }))
  const texts = [
    ['type', words.events.type, words.events.typeHint],
    ['region', words.events.region, ''],
    ['tripId', words.events.trip, ''],
    ['userId', words.events.user, ''],
  ] as const
  return (
    <details class="fold" open={isWide}>
      <summary>{words.events.filters}</summary>
      <form
        class="filters"
        aria-label={words.events.filters}
        onSubmit={(event) => {
          event.preventDefault()
          onApply(filterOf(fields))
        }}
      >
        {texts.map(([name, label, hint]) => (
          <label key={name} class="field">
            <span>{label}</span>
            <input
              name={name}
              placeholder={hint}
              autocomplete="off"
              spellcheck={false}
              value={fields[name]}
              onInput={({ currentTarget }) => set({ [name]: currentTarget.value })}
            />
          </label>
        ))}
        <label class="field">
          <span>{words.events.severity}</span>
          <select
            name="severity"
            value={fields.severity}
            onChange={({ currentTarget }) =>
              set({
                severity: SEVERITIES.find((one) => one === currentTarget.value) ?? 'SEVERITY_UNSPECIFIED',
              })
            }
          >
            {SEVERITIES.map((severity) => (
              <option key={severity} value={severity}>
                {words.severity[severity]}
              </option>
            ))}
          </select>
        </label>
        <div class="buttons">
          <button type="submit" class="primary">
            {action ?? words.events.apply}
          </button>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              setFields(EMPTY_FIELDS)
              onApply({})
            }}
          >
            {words.events.clear}
          </button>
        </div>
      </form>
    </details>
  )
}
