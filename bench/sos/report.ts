/** The bench's figures for people, and as ratios. Pure. */
import type { Fleet } from './figures.ts'
import type { ProviderCalls } from './hushryd.ts'
import type { Burst, Sustained } from './measure.ts'

export interface Measured {
  readonly key: string
  readonly name: string
  readonly bursts: readonly Burst[]
  readonly sustained: Sustained | undefined
  readonly providerCalls?: ProviderCalls | undefined
}

export interface Ratio {
  readonly key: string
  readonly alerts: number
  /** So many times this system's time until the last alert is done, with one process of sos. */
  readonly time: number
  /** So many times its CPU an alert, of all that works for it. */
  readonly cpu: number
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

export function totalCpuUs({ cpuUs }: Pick<Burst, 'cpuUs'>): number {
  return sum(Object.values(cpuUs))
}

export function ratiosOf(measured: readonly Measured[]): Ratio[] {
  const own = measured.find(({ key }) => key === 'one')?.bursts ?? []
  return measured.flatMap(({ key, bursts }) =>
    key === 'one'
      ? []
      : bursts.flatMap((burst) => {
          const same = own.find(({ alerts }) => alerts === burst.alerts)
          if (same === undefined) return []
          const { alerts, maxMs } = burst
          return { key, alerts, time: maxMs / same.maxMs, cpu: totalCpuUs(burst) / totalCpuUs(same) }
        }),
  )
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function burstRow(name: string, burst: Burst): string[] {
  const { alerts, p50Ms, p99Ms, maxMs, perSecond, failed } = burst
  const ms = (value: number): string => `${value.toFixed(0)} ms`
  return [
    name,
    String(alerts),
    ms(p50Ms),
    ms(p99Ms),
    ms(maxMs),
    `${perSecond.toFixed(0)}/s`,
    `${totalCpuUs(burst).toFixed(0)} µs`,
    failed === 0 ? '' : `${failed} failed`,
  ]
}

export interface ReportParts {
  readonly measured: readonly Measured[]
  readonly ratios: readonly Ratio[]
  readonly fleet: Fleet
  readonly fleetAlerts: number
  readonly promiseMs: number
}

export function report({ measured, ratios, fleet, fleetAlerts, promiseMs }: ReportParts): string[] {
  const heads = ['way', 'at once', 'p50', 'p99', 'last', 'rate', 'CPU an alert', '']
  const rows = measured.flatMap(({ name, bursts }) => bursts.map((burst) => burstRow(name, burst)))
  const nameOf = (key: string): string => measured.find((each) => each.key === key)?.name ?? key
  return [
    ...table([heads, ...rows]),
    '',
    ...ratios.map(
      ({ key, alerts, time, cpu }) =>
        `${nameOf(key)}, ${alerts} at once: ${time.toFixed(1)} × the time and ${cpu.toFixed(1)} × the CPU of one process of sos`,
    ),
    '',
    ...measured.flatMap(({ name, sustained }) =>
      sustained === undefined
        ? []
        : `${name}: ${sustained.perSecond.toFixed(0)} alerts/s over ${sustained.seconds.toFixed(1)} s, p99 ${sustained.p99Ms.toFixed(0)} ms`,
    ),
    ...measured.flatMap(({ providerCalls }) =>
      providerCalls === undefined
        ? []
        : `beside it, provider calls: ${providerCalls.messages} messages of ${providerCalls.alerts} alerts in ` +
          `${(providerCalls.tookMs / 1_000).toFixed(1)} s, ${providerCalls.perSecond.toFixed(0)}/s`,
    ),
    ...fleetText(fleet, { fleetAlerts, promiseMs }),
  ]
}

function fleetText(
  { alertsWithin, scaling, machines, cores }: Fleet,
  { fleetAlerts, promiseMs }: Pick<ReportParts, 'fleetAlerts' | 'promiseMs'>,
): string[] {
  if (machines === 0) return []
  const needed = Object.entries(cores).map(([name, count]) => `${name} ${count.toFixed(1)}`)
  return [
    '',
    `this machine with one process of sos: ${alertsWithin} at once within ${promiseMs} ms; ` +
      `two processes do ${scaling.toFixed(2)} × as much on the same cores`,
    `${fleetAlerts} at once within ${promiseMs} ms: ${machines} such machines; cores at full use: ${needed.join(', ')}`,
  ]
}
