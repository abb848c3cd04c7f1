import { useEffect, useState } from 'preact/hooks'
import type { Store } from './store.ts'

/** What changes more often than a screen is painted is shown once a frame. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.value)
  useEffect(() => {
    let frame = 0
    const show = () => {
      frame = 0
      setValue(() => store.value)
    }
    const stop = store.subscribe(() => {
      if (frame === 0) frame = requestAnimationFrame(show)
    })
    show()
    return () => {
      stop()
      cancelAnimationFrame(frame)
    }
  }, [store])
  return value
}
