import { useState } from 'preact/hooks'
import type { Room } from '../room.ts'
import { Preferences } from '../shell/preference-fields.tsx'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'

interface Props {
  /** A token is being tried. */
  readonly isChecking: boolean
  /** There once it is known where to try it. */
  readonly room: Room | undefined
  readonly refusal: string
  readonly onToken: (token: string) => void
  /** Stops trying. */
  readonly onCancel: () => void
}

export function SignIn({ isChecking, room, refusal, onToken, onCancel }: Props) {
  const { title, signIn } = useWords()
  const [token, setToken] = useState('')
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
        {room !== undefined && <Trying room={room} onCancel={onCancel} />}
        <button type="submit" class="primary" disabled={isChecking}>
          {isChecking ? signIn.checking : signIn.enter}
        </button>
      </form>
      <Preferences />
    </main>
  )
}

/** The token may be right and the server away: that is said, and is no reason to be stuck here. */
function Trying({ room, onCancel }: { room: Room; onCancel: () => void }) {
  const words = useWords()
  const { state } = useStore(room.link)
  if (state !== 'waiting') return null
  return (
    <div class="notice notice-warning" role="status">
      {words.signIn.unreachable}{' '}
      <button type="button" class="link-button" onClick={onCancel}>
        {words.cancel}
      </button>
    </div>
  )
}
