/** A panel of a dashboard, and the PromQL that most of them ask. Pure. */

export type Unit = 'seconds' | 'milliseconds' | 'per second' | 'count' | 'share' | 'bytes'

export interface Panel {
  readonly title: string
  readonly unit: Unit
  /** PromQL, and how each of its series is named: `{{label}}`. */
  readonly queries: readonly (readonly [expression: string, legend: string])[]
  /** Where the promise ends. */
  readonly limit?: number
}

/** As wide as Grafana's resolution needs it. */
export const RANGE = '[$__rate_interval]'

export function quantile(share: number, metric: string, { by = '', where = '' } = {}): string {
  const labels = by === '' ? 'le' : `le, ${by}`
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${metric}_bucket${where}${RANGE})))`
}

export function rates(metric: string, by: string, where = ''): string {
  return `sum by (${by}) (rate(${metric}${where}${RANGE}))`
}

/** Of an objective of objectives.ts: how many times too fast its budget goes. */
export function missed(objective: string, budget: number): Panel {
  return {
    title: 'How much too fast the month’s budget is spent',
    unit: 'count',
    queries: ['5m', '1h', '6h', '3d'].map((window) => [
      `objective:missed:ratio_rate${window}{objective="${objective}"} / ${budget}`,
      window,
    ]),
    limit: 1,
  }
}
