import { useWords } from '../words/words.ts'

/** What went wrong with something that a person has asked for. */
export function Problem({ text }: { text: string }) {
  const words = useWords()
  return (
    <p class="problem" role="alert">
      {text === '' ? '' : `${words.failed}: ${text}`}
    </p>
  )
}
