/**
 * `npm run bench -- sockets`: what an idle socket costs, and a fleet of edges
 * that is full, loses one and gets it back. `--fleet 100000` is the promised
 * size; the default is done sooner. 0 leaves a part out.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { hasProc } from '../load/cpu-time.ts'
import { machineFacts } from '../location/report.ts'
import { type FleetPlan, type FleetResult, measureFleet } from './fleet.ts'
import { type IdleResult, measureIdle } from './idle.ts'

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
/** The edge's own defaults. */
const CONNECTIONS_MAX = 18_000
const CONNECTS_PER_SECOND = 2_000
/** What an edge keeps for files that are no sockets. */
const OWN_FILES = 500
/** With fewer, one that is gone is more than a part of the fleet. */
const EDGES_MIN = 4
/** The promises. */
const SOCKET_BYTES_MAX = 8 * 1024
const BACK_SECONDS_MAX = 30
/** Seen by the times of welcomes, which come a little after the admission: a pause in between shifts some into the next second. */
const RATE_SLACK = 1.1

function say(text: string): void {
  console.log(text)
}

async function readFileLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8')
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
}

/** As many as the limit on open files asks for, and one more, which is then killed. */
function edgesFor(sockets: number, fileLimit: number): number {
  const each = Math.min(CONNECTIONS_MAX, fileLimit - OWN_FILES)
  return Math.max(EDGES_MIN, Math.ceil(sockets / each) + 1)
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_024).toFixed(1)} KB`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function verdict(isKept: boolean): string {
  return isKept ? '' : '  << not as promised'
}

function idleText({ sockets, base, ...result }: IdleResult): string[] {
  const { perSocketAtOnce, perSocket, perSocketCollected } = result
  return [
    `${sockets} idle sockets on one edge, above its base of ${(base.rss / 1e6).toFixed(0)} MB, a socket:`,
    `  resident ${kilobytes(perSocket.rss)}${verdict(perSocket.rss <= SOCKET_BYTES_MAX)}, heap ${kilobytes(perSocket.heapUsed)} used ` +
      `of ${kilobytes(perSocket.heapTotal)}, external ${kilobytes(perSocket.external)}`,
    `  as soon as all have come: resident ${kilobytes(perSocketAtOnce.rss)}`,
    `  after a full collection: resident ${kilobytes(perSocketCollected.rss)}, heap ${kilobytes(perSocketCollected.heapUsed)}`,
  ]
}

function fleetText({ sockets, edges, connectsPerSecond, kill, rebalance, ...result }: FleetResult): string[] {
  const rate = (most: number): string =>
    `at most ${most}/s an edge of ${connectsPerSecond} admitted${verdict(most <= connectsPerSecond * RATE_SLACK)}`
  return [
    `${sockets} sockets on ${edges} edges in ${result.connectSeconds.toFixed(1)} s: ${result.lost} lost, ${result.failed} errors` +
      `${verdict(result.lost + result.failed === 0)}, ${result.sentOn} sent on, ${rate(result.connectsPerSecondMax)}`,
    `  spread ${percent(result.spread)}, within 10 % after ${result.secondsToEven.toFixed(1)} s; up to ${Math.max(...result.residentMb)} MB an edge`,
    `an edge with ${kill.sockets} sockets killed: all back in ${kill.secondsToAllBack.toFixed(1)} s` +
      `${verdict(kill.secondsToAllBack <= BACK_SECONDS_MAX)}, ${rate(kill.connectsPerSecondMax)}, ${kill.othersLost} others lost`,
    `started again: even in ${rebalance.secondsToEven.toFixed(1)} s (spread ${percent(rebalance.spread)}), ${rebalance.lost} lost${verdict(rebalance.lost === 0)}`,
  ]
}

export async function runSocketsBench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      idle: { type: 'string', default: '15000' },
      fleet: { type: 'string', default: '20000' },
      edges: { type: 'string' },
      'connects-per-second': { type: 'string', default: String(CONNECTS_PER_SECOND) },
    },
  })
  if (!(await hasProc())) throw new Error('the bench reads memory from /proc, which only Linux has')
  const fileLimit = await readFileLimit()
  const idleSockets = Number(values.idle)
  const sockets = Number(values.fleet)
  const plan: FleetPlan = {
    sockets,
    edges: values.edges === undefined ? edgesFor(sockets, fileLimit) : Number(values.edges),
    connectsPerSecond: Number(values['connects-per-second']),
  }
  const idle = idleSockets > 0 ? await measureIdle(idleSockets, say) : undefined
  const fleet = sockets > 0 ? await measureFleet(plan, say) : undefined
  say('')
  for (const line of idle === undefined ? [] : idleText(idle)) say(line)
  for (const line of fleet === undefined ? [] : fleetText(fleet)) say(line)
  await mkdir(RESULTS, { recursive: true })
  const result = { at: new Date().toISOString(), machine: { ...machineFacts(), fileLimit }, idle, fleet }
  await writeFile(`${RESULTS}sockets.json`, `${JSON.stringify(result, null, 2)}\n`)
  say('written to bench/results/sockets.json')
}
