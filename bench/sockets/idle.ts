/**
 * What an idle socket costs: one edge process, its memory before and with so
 * many sockets that have joined nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startSystem } from '../../local/testing/start-system.ts'
import { addressesOf, Crowd } from './crowd.ts'
import { INSPECTABLE, type Inspector, type Memory, openInspector } from './inspector.ts'
import { signIn } from './people.ts'

export interface IdleResult {
  readonly sockets: number
  readonly connectSeconds: number
  /** Of the process without a socket, warmed up and after a full collection. */
  readonly base: Memory
  /** Above the base, a socket: as soon as all have come, with what their handshakes left behind, */
  readonly perSocketAtOnce: Memory
  /** when the process has settled by itself, */
  readonly perSocket: Memory
  /** and after a full collection. */
  readonly perSocketCollected: Memory
}

/** These come and leave first: code is compiled, pools and tables have their size. */
const WARM_UP_SOCKETS = 1_000
const CONNECT_MS_MAX = 120_000
const LEAVE_MS = 2_000
/** V8 gives memory back when a process has been quiet for about twenty seconds. */
const SETTLE_MS = 30_000

export async function measureIdle(sockets: number, say: (text: string) => void): Promise<IdleResult> {
  say(`idle: one edge, ${sockets} sockets`)
  await using system = await startSystem({
    edges: 1,
    programs: ['edge'],
    env: { LOG_LEVEL: 'warn', ...INSPECTABLE },
  })
  const edges = addressesOf(system.edgeUrls)
  const tokens = await signIn(sockets, system, 'idle')
  // Signing in leaves free memory behind, which sockets would take without being seen.
  await system.process('edge-1').restart()
  using inspector = await openInspector(system, 'edge-1')
  {
    await using warm = new Crowd(edges, tokens.slice(0, WARM_UP_SOCKETS))
    await warm.connect(CONNECT_MS_MAX)
  }
  await sleep(LEAVE_MS)
  const base = await collected(inspector)
  const startedMs = performance.now()
  await using crowd = new Crowd(edges, tokens)
  await crowd.connect(CONNECT_MS_MAX)
  const connectSeconds = (performance.now() - startedMs) / 1_000
  const perSocketAtOnce = perSocketOf(base, await inspector.memory(), sockets)
  await sleep(SETTLE_MS)
  const perSocket = perSocketOf(base, await inspector.memory(), sockets)
  const perSocketCollected = perSocketOf(base, await collected(inspector), sockets)
  const { served, lost, failed, errors } = await crowd.look()
  if (served !== sockets || lost > 0 || failed > 0) {
    throw new Error(`idle sockets did not stay: ${JSON.stringify({ served, lost, failed, errors })}`)
  }
  return { sockets, connectSeconds, base, perSocketAtOnce, perSocket, perSocketCollected }
}

async function collected(inspector: Inspector): Promise<Memory> {
  // What the first run only marks or finalizes the second one frees.
  await inspector.collectGarbage()
  await inspector.collectGarbage()
  return await inspector.memory()
}

function perSocketOf(base: Memory, full: Memory, sockets: number): Memory {
  const of = (key: keyof Memory): number => Math.round((full[key] - base[key]) / sockets)
  return {
    rss: of('rss'),
    heapUsed: of('heapUsed'),
    heapTotal: of('heapTotal'),
    external: of('external'),
    arrayBuffers: of('arrayBuffers'),
  }
}
