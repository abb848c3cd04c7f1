import type { ComponentChildren } from 'preact'

interface Props {
  readonly label: string
  readonly heads: readonly ComponentChildren[]
  readonly children: ComponentChildren
}

/** Wider than a phone, so it scrolls by itself: also by the arrow keys, for which it takes the focus. */
export function Table({ label, heads, children }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached without a mouse.
    <section class="table" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head, index) =>
              // The columns of a table are fixed.
              head === '' ? (
                <td key={`${index}`} />
              ) : (
                <th key={`${index}`} scope="col">
                  {head}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  )
}
