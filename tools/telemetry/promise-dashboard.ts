/** The dashboard of a promise: its alerts, its panels, its runbooks. Pure. */
import { runbookOf } from './burn-rates.ts'
import { type Dashboard, describeDashboard } from './dashboard.ts'
import type { Panel } from './panel.ts'
import type { Promised } from './promises.ts'

/** `runbooks`: where the folder docs/runbooks can be read. */
export function promiseDashboard(promised: Promised, runbooks: string): Dashboard {
  const { name, title, promise, alerts, panels } = promised
  const firing: Panel = {
    title: 'Alerts that fire',
    unit: 'count',
    queries: [
      [
        `count by (alertname, severity) (ALERTS{alertstate="firing",alertname=~"${alerts.join('|')}"})`,
        '{{alertname}} ({{severity}})',
      ],
    ],
  }
  return describeDashboard({
    uid: `hushryd-promise-${name}`,
    title: `Promise: ${title}`,
    description: promise,
    tags: ['promise'],
    links: alerts.map((alert) => ({
      type: 'link',
      title: `Runbook: ${alert}`,
      url: `${runbooks}/${runbookOf(alert)}.md`,
      targetBlank: true,
    })),
    sections: [{ title: promise, panels: [firing, ...panels] }],
  })
}
