import type { ComponentChildren } from 'preact'
import type { Polled } from '../store/use-poll.ts'
import { useWords } from '../words/words.ts'

interface Props<T> {
  readonly polled: Polled<T>
  readonly children: (value: T) => ComponentChildren
}

/** What was read; that it is not read yet; and, beside figures that stay, that newer ones do not come. */
export function PollState<T>({ polled: { value, error }, children }: Props<T>) {
  const words = useWords()
  return (
    <>
      {error !== undefined && (
        <p class="notice notice-warning" role="status">
          {words.notAnswering} <span class="soft">{error.message}</span>
        </p>
      )}
      {value === undefined ? error === undefined && <p class="soft pad">{words.reading}</p> : children(value)}
    </>
  )
}
