import { useState } from 'preact/hooks'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'

/** The demo answers when the alert is stored, or after ten seconds. */
const ANSWER_MS = 15_000

/** Answers whose alert it is. */
async function raise(url: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(ANSWER_MS) })
  const answer = (await response.json()) as { readonly userId?: string; readonly error?: string }
  if (answer.userId === undefined) throw new Error(answer.error ?? response.statusText)
  return answer.userId
}

/** A rider of the demo asks for help, by the same way as everyone. There where a demo runs, and nowhere else. */
export function TestAlert() {
  const words = useWords()
  const { testAlertUrl } = useRoom()
  const { run, isBusy, problem } = useAction()
  const [userId, setUserId] = useState('')
  if (testAlertUrl === undefined) return null
  return (
    <section class="test-alert" aria-label={words.testAlert.label}>
      <button
        type="button"
        disabled={isBusy}
        onClick={() => run(async () => setUserId(await raise(testAlertUrl)))}
      >
        {isBusy ? words.testAlert.raising : words.testAlert.raise}
      </button>
      <p class="soft" role="status">
        {userId === '' ? words.testAlert.hint : words.testAlert.raised(userId)}
      </p>
      <Problem text={problem} />
    </section>
  )
}
