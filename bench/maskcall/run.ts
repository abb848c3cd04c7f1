/**
 * `npm run bench -- maskcall`: sessions opened at once on a pool of virtual
 * numbers from two processes of maskcall, as the edge asks for them: how many
 * a second, how long each took, and that no pair collides.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DirectoryServiceDefinition, TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { MaskCallServiceDefinition } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { callerMetadata, peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import type { SystemPlan } from '@hushryd/local/processes.ts'
import { startSystem } from '@hushryd/local/testing/start-system.ts'
import { inTurn } from '../load/in-turn.ts'
import { machineFacts } from '../location/report.ts'

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
const PROCESSES = 2
const TIMEOUT_MS = 120_000
/** At once, while people and trips are made. */
const WRITERS = 64

function numbersOf(count: number): string {
  return JSON.stringify(
    Array.from({ length: count }, (_, index) => ({
      number: `+918047${String(index).padStart(6, '0')}`,
      provider: 'twilio',
    })),
  )
}

/** What `part` of all are at most, in milliseconds. */
function quantile(sorted: readonly number[], part: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
}

const SETTLE_MS_MAX = 120_000

/** Until the directory has nothing left to do of what was just written: that is not what is measured. */
async function settled({ processes }: SystemPlan): Promise<void> {
  const port = processes.find(({ program }) => program.name === 'directory')?.ports.ops
  const isSettled = async (): Promise<boolean> => {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const counts = [...page.matchAll(/^hushryd_directory_marked\{[^}]*\} (\d+)/gm)].map(([, count]) =>
      Number(count),
    )
    return counts.length > 0 && counts.every((count) => count === 0)
  }
  await until(isSettled, { timeoutMs: SETTLE_MS_MAX, what: 'the directory at rest' })
}

interface Opened {
  readonly index: number
  readonly ms: number
  readonly virtualNumber: string
}

function summarize(opened: readonly Opened[], seconds: number) {
  const sorted = opened.map(({ ms }) => ms).toSorted((one, other) => one - other)
  const pairs = opened.flatMap(({ index, virtualNumber }) => [
    `${virtualNumber} d${index}`,
    `${virtualNumber} p${index}`,
  ])
  const uses = new Map<string, number>()
  for (const { virtualNumber } of opened) uses.set(virtualNumber, (uses.get(virtualNumber) ?? 0) + 1)
  return {
    sessions: opened.length,
    seconds: Math.round(seconds * 100) / 100,
    perSecond: Math.round(opened.length / seconds),
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    collisions: pairs.length - new Set(pairs).size,
    numbersUsed: uses.size,
    mostOnOne: Math.max(...uses.values()),
  }
}

export async function runMaskcallBench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sessions: { type: 'string', default: '5000' },
      numbers: { type: 'string', default: '200' },
      concurrency: { type: 'string', default: '100' },
    },
  })
  const burstCount = Number(values.sessions)
  const steadyCount = Math.floor(burstCount / 10)
  const sessions = steadyCount + burstCount
  console.log('starting')
  await using system = await startSystem({
    edges: 1,
    // The sandbox has to have somewhere to report to.
    programs: ['maskcall', 'edge'],
    copies: { maskcall: PROCESSES },
    env: { MASKCALL_NUMBERS: numbersOf(Number(values.numbers)), LOG_LEVEL: 'warn' },
  })
  const peer = peerCredential('edge', system.plan.keys.peerKey)
  await using opened = new AsyncDisposableStack()
  const open = (address: string) =>
    opened.adopt(openRpcChannel({ address, peer }), (channel) => channel.close())
  const [directoryAddress = ''] = system.grpcOf('directory')
  const directory = createRpcClient(DirectoryServiceDefinition, open(directoryAddress), {
    timeoutMs: TIMEOUT_MS,
  })
  const clients = system
    .grpcOf('maskcall')
    .map((address) => createRpcClient(MaskCallServiceDefinition, open(address), { timeoutMs: TIMEOUT_MS }))

  const asBackend = { metadata: callerMetadata({ kind: 'backend' }, 'bench') }
  const digits = (index: number) => String(index).padStart(6, '0')
  await inTurn(2 * sessions, WRITERS, async (index) => {
    const trip = index % sessions
    if (index < sessions) {
      await directory.putUser({ userId: `d${trip}`, phone: `+919812${digits(trip)}` }, asBackend)
      await directory.putUser({ userId: `p${trip}`, phone: `+917023${digits(trip)}` }, asBackend)
      return
    }
    const people = { driverId: `d${trip}`, passengerIds: [`p${trip}`] }
    await directory.putTrip({ tripId: `t${trip}`, ...people, status: TripStatus.ACTIVE }, asBackend)
  })
  await settled(system.plan)
  console.log(`${sessions} trips, ${values.numbers} numbers, ${PROCESSES} processes`)

  async function openOne(index: number): Promise<Opened> {
    const startMs = performance.now()
    const caller = { kind: 'user', userId: `p${index}`, role: 'passenger', deviceId: 'bench' } as const
    const { virtualNumber = '' } =
      (await clients[index % clients.length]?.createSession(
        { tripId: `t${index}` },
        { metadata: callerMetadata(caller, 'bench') },
      )) ?? {}
    return { index, ms: performance.now() - startMs, virtualNumber }
  }
  async function measure(from: number, to: number, concurrency: number) {
    const all: Opened[] = []
    const startMs = performance.now()
    await inTurn(to - from, concurrency, async (offset) => void all.push(await openOne(from + offset)))
    return summarize(all, (performance.now() - startMs) / 1000)
  }
  // First a bounded number under way, as traffic has it; then all in one burst.
  const steady = await measure(0, steadyCount, Number(values.concurrency))
  const burst = await measure(steadyCount, sessions, burstCount)
  console.table({ [`${values.concurrency} at a time`]: steady, 'all at once': burst })
  await mkdir(RESULTS, { recursive: true })
  const result = { at: new Date().toISOString(), machine: machineFacts(), steady, burst }
  await writeFile(`${RESULTS}maskcall.json`, `${JSON.stringify(result, null, 2)}\n`)
  console.log('written to bench/results/maskcall.json')
}
