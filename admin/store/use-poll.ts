import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { asHushrydError, type HushrydError } from '../../sdk/error.ts'

export interface Polled<T> {
  /** The newest answer; it stays while later ones fail. */
  readonly value: T | undefined
  /** Why the newest try failed. */
  readonly error: HushrydError | undefined
  /** Asks at once, such as after an action. */
  readonly refresh: () => void
}

/** Asks again and again, one question at a time; `key` names the question, another one begins anew. */
export function usePoll<T>(ask: () => Promise<T>, everyMs: number, key: string): Polled<T> {
  const [answer, setAnswer] = useState<Pick<Polled<T>, 'value' | 'error'> & { readonly key: string }>()
  const latest = useRef(ask)
  latest.current = ask
  const askNow = useRef<() => void>(() => undefined)

  useEffect(() => {
    let isOver = false
    let turn = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const run = async () => {
      clearTimeout(timer)
      turn += 1
      const own = turn
      const outcome = await latest.current().then(
        (value) => ({ key, value, error: undefined }),
        (error: unknown) => ({ key, error: asHushrydError(error) }),
      )
      if (isOver || own !== turn) return
      setAnswer((before) => ({ value: before?.key === key ? before.value : undefined, ...outcome }))
      timer = setTimeout(() => void run(), everyMs)
    }
    askNow.current = () => void run()
    void run()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [key, everyMs])

  const refresh = useCallback(() => askNow.current(), [])
  const current = answer?.key === key ? answer : undefined
  return { value: current?.value, error: current?.error, refresh }
}
