import { useState } from 'preact/hooks'
import { useWords } from '../words/words.ts'

/** A list of thousands helps nobody: typing narrows it. */
const SUGGESTIONS_MAX = 30

interface Props {
  readonly tripIds: Iterable<string>
  readonly find: (tripId: string) => boolean
}

function suggestions(tripIds: Iterable<string>, text: string): string[] {
  if (text === '') return []
  return [
    ...Iterator.from(tripIds)
      .filter((tripId) => tripId.includes(text))
      .take(SUGGESTIONS_MAX),
  ]
}

/** The way to a vehicle for those who cannot click it, or know its trip's id. */
export function FindTrip({ tripIds, find }: Props) {
  const words = useWords()
  const [text, setText] = useState('')
  const [isMissing, setMissing] = useState(false)
  return (
    <form
      class="find"
      onSubmit={(event) => {
        event.preventDefault()
        const isFound = find(text.trim())
        setMissing(!isFound)
        if (isFound) setText('')
      }}
    >
      <input
        list="trips"
        aria-label={words.map.find}
        placeholder={words.map.find}
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
        {suggestions(tripIds, text).map((tripId) => (
          <option key={tripId} value={tripId} />
        ))}
      </datalist>
      <p id="trip-missing" class="bad" role="status">
        {isMissing ? words.map.missing : ''}
      </p>
    </form>
  )
}
