/** What `npm start` prints once everything answers. */
import { join } from 'node:path'
import type { SystemPlan } from './processes.ts'
import type { SupervisedProcess } from './supervisor.ts'

export function statusTable(processes: readonly SupervisedProcess[]): string {
  const rows = [
    ['process', 'state', 'pid', 'address'],
    ...processes.map(({ spec, state, pid }) => [spec.name, state, String(pid ?? ''), spec.address ?? '']),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

export function addressLines(plan: SystemPlan, stackFolder: string): string {
  const lines = [
    ...plan.edges.map(({ http }, index) => [
      `edge-${index + 1}`,
      `http://localhost:${http} (REST, pages), ws://localhost:${http}/v1/ws`,
    ]),
    [
      'operations',
      [plan.directory, ...plan.locations, plan.history, ...plan.edges]
        .map(({ ops }) => ops)
        .sort((a, b) => a - b)
        .join(', '),
    ],
    ['NATS', plan.stores.natsUrl],
    ['Redis', plan.stores.redisUrl],
    ['MongoDB', `${plan.stores.mongoUrl} (database ${plan.stores.mongoDb})`],
    ['logs', join(stackFolder, 'logs')],
    ['service key', plan.keys.serviceKey],
  ]
  return lines.map(([name = '', text = '']) => `  ${name.padEnd(12)} ${text}`).join('\n')
}
