/** What follows from the measurements. Pure. */

/** 1 is the largest; 0 where there are none. */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

export interface TimedBurst {
  readonly alerts: number
  readonly maxMs: number
}

/** How many alerts at once are done within the time, by a straight line through the two bursts next to it. */
export function alertsWithin(bursts: readonly TimedBurst[], timeMs: number): number {
  const points = [{ alerts: 0, maxMs: 0 }, ...bursts].toSorted((a, b) => a.alerts - b.alerts)
  const above = points.findIndex(({ maxMs }) => maxMs > timeMs)
  const index = above === -1 ? points.length - 1 : above
  const [from, to] = [points[index - 1], points[index]]
  if (from === undefined || to === undefined || to.maxMs <= from.maxMs) return 0
  const perMs = (to.alerts - from.alerts) / (to.maxMs - from.maxMs)
  return Math.floor(from.alerts + (timeMs - from.maxMs) * perMs)
}

export interface Fleet {
  /** Of the whole on one machine like this one, with its stores. */
  readonly alertsWithin: number
  /** Two processes do so many times what one does, on the same machine. */
  readonly scaling: number
  /** Machines like this one, each with sos and its share of the stores. */
  readonly machines: number
  /** Cores by what works for an alert, were each of them fully used for that time. */
  readonly cores: Readonly<Record<string, number>>
}

export function fleetFor(options: {
  readonly alerts: number
  readonly timeMs: number
  readonly one: readonly TimedBurst[]
  readonly two: readonly TimedBurst[]
  readonly cpuUs: Readonly<Record<string, number>>
}): Fleet {
  const { alerts, timeMs, one, two, cpuUs } = options
  const largestOf = (bursts: readonly TimedBurst[]): number =>
    bursts.toSorted((a, b) => a.alerts - b.alerts).at(-1)?.maxMs ?? 0
  const each = alertsWithin(one, timeMs)
  return {
    alertsWithin: each,
    scaling: largestOf(two) === 0 ? 0 : largestOf(one) / largestOf(two),
    machines: each === 0 ? 0 : Math.ceil(alerts / each),
    cores: Object.fromEntries(
      Object.entries(cpuUs).map(([name, us]) => [name, (alerts * us) / (timeMs * 1_000)]),
    ),
  }
}
