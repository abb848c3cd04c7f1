import { Store } from '../store/store.ts'
import { useStore } from '../store/use-store.ts'

/** Long enough to be read twice. */
const SHOWN_MS = 5_000

const said = new Store('')
let timer: ReturnType<typeof setTimeout> | undefined

/** Says something to those who cannot see it, and shows it for a moment to those who can. */
export function announce(text: string): void {
  // The same words twice would be read once.
  said.set(said.value === text ? `${text}\u00a0` : text)
  clearTimeout(timer)
  timer = setTimeout(() => said.set(''), SHOWN_MS)
}

export function Announcer() {
  return (
    <p class="announcer" role="status">
      {useStore(said)}
    </p>
  )
}
