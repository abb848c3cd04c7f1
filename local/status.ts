/** What `npm start` prints once everything answers. */
import { join } from 'node:path'
import type { SystemPlan } from './processes.ts'
import { DEMO } from './programs.ts'
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

/** Of the local server with the key, for tools of S3 and for `npm run docs:reconcile`. */
function bucketOf({ stores }: SystemPlan): string {
  const { S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY_FILE } = stores.special.s3
  if (S3_BUCKET === undefined) return S3_ENDPOINT ?? ''
  return `${S3_ENDPOINT} (bucket ${S3_BUCKET}, key ${S3_ACCESS_KEY_ID}, its secret in ${S3_SECRET_ACCESS_KEY_FILE})`
}

export function addressLines(plan: SystemPlan, stackFolder: string): string {
  const pages = plan.processes.filter(({ ports }) => ports.http !== undefined)
  const lines = [
    ...pages.map(({ name, ports }) => [name, `http://localhost:${ports.http}`]),
    [
      'operations',
      plan.processes
        .flatMap(({ ports }) => ports.ops ?? [])
        .sort((a, b) => a - b)
        .join(', '),
    ],
    ['NATS', plan.stores.natsUrl],
    ['Redis', plan.stores.redisUrl],
    ['MongoDB', `${plan.stores.mongoUrl} (database ${plan.stores.mongoDb})`],
    ['S3', bucketOf(plan)],
    ['ClamAV', plan.stores.special.clamd.CLAMD_URL],
    ['logs', join(stackFolder, 'logs')],
    ['service key', plan.keys.serviceKey],
    ...pages
      .filter(({ program }) => program.name === DEMO)
      .map(({ ports }) => ['test alert', `curl -X POST http://localhost:${ports.http}/alert`]),
  ]
  return lines.map(([name = '', text = '']) => `  ${name.padEnd(12)} ${text}`).join('\n')
}

/** The last line, which people and scripts wait for. */
export function readyLine(plan: SystemPlan, tookMs: number): string {
  const [edge] = plan.processes.filter(({ program }) => program.name === 'edge')
  const page = `http://localhost:${edge?.ports.http}/live`
  return `ready in ${(tookMs / 1000).toFixed(1)} s: ${page} shows the map (Ctrl-C stops everything)`
}
