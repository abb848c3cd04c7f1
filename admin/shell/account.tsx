import { useState } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import { useRoom } from '../parts/use-room.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { Preferences } from './preference-fields.tsx'

/** Who is on duty, and how the room looks to them. */
export function Account({ onLeave }: { onLeave: () => void }) {
  const { signIn } = useWords()
  const userId = useStore(useRoom().userId)
  return (
    <div class="account">
      <Preferences />
      <p class="soft me" title={signIn.signedInAs(userId)}>
        <span>{userId}</span>
        <button type="button" class="quiet" onClick={onLeave}>
          {signIn.leave}
        </button>
      </p>
    </div>
  )
}

/** The same on a phone, where there is no room for it beside the views. */
export function AccountButton({ onLeave }: { onLeave: () => void }) {
  const words = useWords()
  const [isShown, show] = useState(false)
  return (
    <>
      <button
        type="button"
        class="quiet account-button"
        aria-label={words.account}
        onClick={() => show(true)}
      >
        ⋯
      </button>
      {isShown && (
        <Dialog title={words.account} onClose={() => show(false)}>
          <Account onLeave={onLeave} />
          <form method="dialog">
            <button type="submit">{words.help.close}</button>
          </form>
        </Dialog>
      )}
    </>
  )
}
