/** The vehicles' own shape, for words about them. */
export function Arrow({ heading = 0 }: { heading?: number }) {
  return (
    <svg class="arrow" viewBox="-10 -11 20 22" width="14" height="15" aria-hidden="true">
      <path d="M0-9 6.5 7.4Q0 3 -6.5 7.4Z" transform={`rotate(${heading})`} />
    </svg>
  )
}
