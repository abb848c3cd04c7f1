/** A share of something, as a bar beside its figure. */
export function Meter({ share, label, isBad = false }: { share: number; label: string; isBad?: boolean }) {
  const percent = Math.round(Math.max(0, Math.min(1, share)) * 100)
  return (
    <span class={`meter ${isBad ? 'meter-bad' : ''}`} role="img" aria-label={label}>
      <span style={{ width: `${percent}%` }} />
    </span>
  )
}
