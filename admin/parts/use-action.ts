import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { asHushrydError } from '../../sdk/error.ts'
import { announce } from './announcer.tsx'

export interface Action {
  /** Does nothing while an earlier one runs: a nervous double click is one click. */
  run(work: () => Promise<void>, done?: string): void
  readonly isBusy: boolean
  /** Why the last one failed; empty after one that did not. */
  readonly problem: string
}

/** Something that a person has asked for, with what became of it. */
export function useAction(): Action {
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const isRunning = useRef(false)
  const isOver = useRef(false)
  useEffect(
    () => () => {
      isOver.current = true
    },
    [],
  )

  const run = useCallback((work: () => Promise<void>, done?: string) => {
    if (isRunning.current) return
    isRunning.current = true
    setBusy(true)
    setProblem('')
    work()
      .then(
        () => done !== undefined && announce(done),
        (error: unknown) => {
          if (!isOver.current) setProblem(asHushrydError(error).message)
        },
      )
      .finally(() => {
        isRunning.current = false
        if (!isOver.current) setBusy(false)
      })
  }, [])
  return { run, isBusy, problem }
}
