import type { Traffic } from '../fleet/traffic-meter.ts'

const DELAY_TITLE =
  'This device’s clock minus the time of the fix, at its arrival here, over ten seconds. The map of all vehicles is sent ten times a second; apps that follow a trip get each position at once.'

function delayText(delayMs: number | undefined): string {
  if (delayMs === undefined) return '–'
  return Math.abs(delayMs) < 10_000 ? `${Math.round(delayMs)}` : '> 10 000'
}

function Counter({
  name,
  value,
  unit,
  title,
}: {
  name: string
  value: string
  unit?: string
  title?: string
}) {
  return (
    <div class="counter" title={title}>
      <dt>{name}</dt>
      <dd>
        <span class="value">{value}</span>
        {unit !== undefined && value !== '–' && <span class="unit"> {unit}</span>}
      </dd>
    </div>
  )
}

export function Counters({ vehicles, traffic }: { vehicles: number; traffic: Traffic }) {
  const rate = traffic.updatesPerSecond
  return (
    <dl class="counters" aria-label="What arrives">
      <Counter name="Vehicles" value={vehicles.toLocaleString()} />
      <Counter name="Updates/s" value={rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString()} />
      <Counter name="Delay p50" value={delayText(traffic.delayP50Ms)} unit="ms" title={DELAY_TITLE} />
      <Counter name="Delay p99" value={delayText(traffic.delayP99Ms)} unit="ms" title={DELAY_TITLE} />
    </dl>
  )
}
