import { Store } from '../store/store.ts'
import { useStore } from '../store/use-store.ts'

const said = new Store('')

/** Says something to those who cannot see it, and shows it for a moment to those who can. */
export function announce(text: string): void {
  // The same words twice would be read once.
  said.set(said.value === text ? `${text}\u00a0` : text)
}

export function Announcer() {
  const text = useStore(said)
  return (
    <p class="announcer" role="status" key={text}>
      {text}
    </p>
  )
}
