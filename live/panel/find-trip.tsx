import { useState } from 'preact/hooks'

/** A list of thousands helps nobody: typing narrows it. */
const SUGGESTIONS_MAX = 50

interface Props {
  readonly tripIds: readonly string[]
  readonly find: (tripId: string) => boolean
}

/** The way to a vehicle for those who cannot click it, or know its trip's id. */
export function FindTrip({ tripIds, find }: Props) {
  const [text, setText] = useState('')
  const [isMissing, setMissing] = useState(false)
  const submit = (event: Event) => {
    event.preventDefault()
    const isFound = find(text.trim())
    setMissing(!isFound)
    if (isFound) setText('')
  }
  return (
    <form class="find" onSubmit={submit}>
      <label class="unseen" for="trip">
        Find a trip by its id
      </label>
      <input
        id="trip"
        list="trips"
        placeholder="Find a trip…"
        autocomplete="off"
        spellcheck={false}
        aria-invalid={isMissing}
        aria-describedby="trip-missing"
        value={text}
        onInput={({ currentTarget }) => {
          setMissing(false)
          setText(currentTarget.value)
        }}
      />
      <datalist id="trips">
        {tripIds
          .filter((tripId) => tripId.includes(text))
          .slice(0, SUGGESTIONS_MAX)
          .map((tripId) => (
            <option key={tripId} value={tripId} />
          ))}
      </datalist>
      <p id="trip-missing" class="missing" role="status">
        {isMissing ? 'No such trip in view.' : ''}
      </p>
    </form>
  )
}
