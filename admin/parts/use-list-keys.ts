import { useEffect } from 'preact/hooks'
import { isMeantElsewhere } from '../shell/keys.ts'

/** j and k move through a list as the arrow keys do in a mail program. */
export function useListKeys(ids: readonly string[], chosen: string, choose: (id: string) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isMeantElsewhere(event) || (event.key !== 'j' && event.key !== 'k')) return
      const index = ids.indexOf(chosen) + (event.key === 'j' ? 1 : -1)
      const next = ids[Math.max(0, Math.min(ids.length - 1, index))]
      if (next !== undefined) choose(next)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  })
}
