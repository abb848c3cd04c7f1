import { useWords } from '../words/words.ts'

interface Props {
  readonly values: readonly number[]
  /** What of them asks to be looked at, by its place. */
  readonly isWarning?: (value: number, index: number) => boolean
}

/** Cells of a row, in the order of the table's heads. */
export function Figures({ values, isWarning }: Props) {
  const { locale } = useWords()
  return (
    <>
      {values.map((value, index) => (
        <td key={`${index}`} class={`figure ${isWarning?.(value, index) === true ? 'warn' : ''}`}>
          {value.toLocaleString(locale)}
        </td>
      ))}
    </>
  )
}
