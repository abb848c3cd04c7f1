import { useState } from 'preact/hooks'
import type { Room } from '../room.ts'
import { Preferences } from '../shell/preference-fields.tsx'
import { useWords } from '../words/words.ts'

interface Props {
  /** There while a token is being tried. */
  readonly room: Room | undefined
  readonly refusal: string
  readonly onToken: (token: string) => void
}

export function SignIn({ room, refusal, onToken }: Props) {
  const { title, signIn } = useWords()
  const [token, setToken] = useState('')
  const isChecking = room !== undefined
  return (
    <main class="door">
      <form
        class="door-card"
        onSubmit={(event) => {
          event.preventDefault()
          const given = token.trim()
          if (given !== '') onToken(given)
        }}
      >
        <h1>{title}</h1>
        <p class="soft">{signIn.lead}</p>
        <p class="problem" role="alert">
          {refusal}
        </p>
        <label class="field">
          <span>{signIn.token}</span>
          <input
            type="password"
            name="token"
            autocomplete="off"
            spellcheck={false}
            value={token}
            disabled={isChecking}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
          <small class="soft">{signIn.hint}</small>
        </label>
        <button type="submit" class="primary" disabled={isChecking}>
          {isChecking ? signIn.checking : signIn.enter}
        </button>
      </form>
      <Preferences />
    </main>
  )
}
