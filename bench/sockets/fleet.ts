/**
 * A fleet full of sockets: how even it is and what it weighs; then one edge is
 * killed, its apps come back elsewhere, and it starts again and gets its share.
 */
import { availableParallelism } from 'node:os'
import { startSystem, type TestSystem } from '../../local/testing/start-system.ts'
import { residentBytes } from '../load/cpu-time.ts'
import { addressesOf, Crowd } from './crowd.ts'
import { signIn } from './people.ts'
import { mostWithin, spreadOf } from './rates.ts'
import type { Counts } from './worker.ts'

export interface FleetPlan {
  readonly sockets: number
  readonly edges: number
  /** Of each edge, as its setting says. */
  readonly connectsPerSecond: number
}

export interface FleetResult extends FleetPlan {
  readonly connectSeconds: number
  /** Sockets of each edge, */
  readonly open: readonly number[]
  /** and how far the farthest is from their mean, */
  readonly spread: number
  /** which is as promised after so long. */
  readonly secondsToEven: number
  readonly lost: number
  readonly failed: number
  /** Answers 503: another edge had more room, or this one had taken its share of the second. */
  readonly sentOn: number
  /** The most that one edge opened in any second, while everybody came. */
  readonly connectsPerSecondMax: number
  /** Of each edge as soon as all have come, with what their handshakes left behind. */
  readonly residentMb: readonly number[]
  readonly kill: KillResult
  readonly rebalance: { readonly secondsToEven: number; readonly spread: number; readonly lost: number }
  /** In all, by close code; 1006 are those of the killed edge. */
  readonly lostByCode: Readonly<Record<string, number>>
}

interface KillResult {
  readonly sockets: number
  readonly secondsToAllBack: number
  /** The most that one surviving edge opened in any second. */
  readonly connectsPerSecondMax: number
  readonly sentOn: number
  /** Of the apps of other edges. */
  readonly othersLost: number
}

/** Evenness that is promised. */
const EVEN_SPREAD = 0.1
/** Twice as many stay within a person’s limit: those of a killed edge still count for seconds. */
const SOCKETS_PER_PERSON = 2
const SECOND_MS = 1_000
const CONNECT_MS_MAX = 300_000
const EVEN_MS_MAX = 180_000
const VICTIM = 0

async function residentMb(system: TestSystem, edges: number): Promise<number[]> {
  const names = Array.from({ length: edges }, (_, index) => `edge-${index + 1}`)
  const bytes = await Promise.all(names.map((name) => residentBytes(system.process(name).pid ?? 0)))
  return bytes.map((each) => Math.round(each / 1e6))
}

async function connectsPerSecondMax(crowd: Crowd): Promise<number> {
  const openings = await crowd.takeOpenings()
  return Math.max(0, ...openings.map((timesMs) => mostWithin(timesMs, SECOND_MS)))
}

async function killOne(system: TestSystem, crowd: Crowd): Promise<KillResult> {
  const before = await crowd.look()
  await crowd.takeOpenings()
  const startedMs = performance.now()
  await system.process(`edge-${VICTIM + 1}`).kill('SIGKILL')
  await crowd.until(
    'everybody is back',
    CONNECT_MS_MAX,
    ({ open, served }) => open[VICTIM] === 0 && served === crowd.size,
  )
  const secondsToAllBack = (performance.now() - startedMs) / SECOND_MS
  const after = await crowd.look()
  const sockets = before.open[VICTIM] ?? 0
  return {
    sockets,
    secondsToAllBack,
    connectsPerSecondMax: await connectsPerSecondMax(crowd),
    sentOn: after.sentOn - before.sentOn,
    othersLost: after.lost - before.lost - sockets,
  }
}

async function evenAgain(crowd: Crowd): Promise<number> {
  const isEven = ({ open, served }: Counts): boolean => spreadOf(open) <= EVEN_SPREAD && served === crowd.size
  return (await crowd.until('the fleet is even', EVEN_MS_MAX, isEven)) / SECOND_MS
}

async function startAgain(system: TestSystem, crowd: Crowd): Promise<FleetResult['rebalance']> {
  const before = await crowd.look()
  await system.process(`edge-${VICTIM + 1}`).restart()
  const secondsToEven = await evenAgain(crowd)
  const after = await crowd.look()
  return {
    secondsToEven,
    spread: spreadOf(after.open),
    lost: after.lost - before.lost,
  }
}

export async function measureFleet(plan: FleetPlan, say: (text: string) => void): Promise<FleetResult> {
  const { sockets, edges, connectsPerSecond } = plan
  say(`fleet: ${edges} edges, ${sockets} sockets, ${availableParallelism()} cores`)
  await using system = await startSystem({
    edges,
    programs: ['edge'],
    env: { LOG_LEVEL: 'warn', CONNECTS_PER_SECOND: String(connectsPerSecond) },
  })
  const people = await signIn(Math.ceil(sockets / SOCKETS_PER_PERSON), system, 'fleet')
  const tokens = Array.from({ length: sockets }, (_, index) => people[index % people.length] ?? '')
  await using crowd = new Crowd(addressesOf(system.edgeUrls), tokens)
  const startedMs = performance.now()
  await crowd.connect(CONNECT_MS_MAX)
  const connectSeconds = (performance.now() - startedMs) / SECOND_MS
  const full = await crowd.look()
  say(`  all here after ${connectSeconds.toFixed(1)} s: ${full.open.join(', ')}`)
  for (const error of full.errors) say(`  error: ${error}`)
  const connected = {
    connectSeconds,
    open: full.open,
    spread: spreadOf(full.open),
    secondsToEven: await evenAgain(crowd),
    lost: full.lost,
    failed: full.failed + full.unreachable,
    sentOn: full.sentOn,
    connectsPerSecondMax: await connectsPerSecondMax(crowd),
    residentMb: await residentMb(system, edges),
  }
  const kill = await killOne(system, crowd)
  say(`  an edge with ${kill.sockets} is killed: all back after ${kill.secondsToAllBack.toFixed(1)} s`)
  const rebalance = await startAgain(system, crowd)
  say(`  it is back: even after ${rebalance.secondsToEven.toFixed(1)} s`)
  const { lostByCode } = await crowd.look()
  return { ...plan, ...connected, kill, rebalance, lostByCode }
}
