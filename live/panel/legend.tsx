import { Arrow } from './arrow.tsx'

export function Legend() {
  return (
    <section class="panel legend" aria-label="Legend">
      <Arrow />
      <span>points where it drives</span>
      <span class="scale" aria-hidden="true" />
      <span>
        seen now<span aria-hidden="true"> → </span>
        <span class="unseen"> to </span>30 s ago
      </span>
    </section>
  )
}
