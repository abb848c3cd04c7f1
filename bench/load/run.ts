/**
 * `npm run bench -- load`: one load on the whole system, drivers on one edge
 * and riders on the other. Prints what riders saw and what each process paid
 * for an update.
 */
import { parseArgs } from 'node:util'
import { startSystem } from '../../local/testing/start-system.ts'
import { cpuTimeMs, hasProc, residentBytes } from './cpu-time.ts'
import { Crew, type Observation } from './crew.ts'
import type { Encoding } from './dialect.ts'
import { signInPeople } from './people.ts'

const WARM_UP_S = 3
const PROCESSES = ['edge-1', 'edge-2', 'location', 'location-history', 'directory', 'nats', 'valkey', 'mongo']

interface LoadOptions {
  readonly sockets: number
  readonly rate: number
  readonly seconds: number
  readonly followers: number
  readonly encoding: Encoding
}

function readOptions(args: string[]): LoadOptions {
  const { values } = parseArgs({
    args,
    options: {
      sockets: { type: 'string', default: '5000' },
      rate: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '10' },
      followers: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  return {
    sockets: Number(values.sockets),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    followers: Number(values.followers),
    encoding: values.json ? 'json' : 'binary',
  }
}

export async function runLoad(args: string[]): Promise<void> {
  if (!(await hasProc())) throw new Error('the load reads CPU time from /proc, which only Linux has')
  const options = readOptions(args)
  console.log(`load: ${JSON.stringify(options)}`)
  const { sockets, rate, seconds, followers, encoding } = options
  await using system = await startSystem({
    edges: 2,
    programs: ['edge', 'location-history'],
    env: { LOG_LEVEL: 'warn', CONNECTS_PER_SECOND: '100000', REBALANCE: 'off' },
  })
  const trips = await signInPeople({
    ...system,
    edgeUrls: system.edgeUrls,
    trips: Math.floor(sockets / (1 + followers)),
    followersOf: () => followers,
    prefix: 'load',
  })
  using crew = new Crew(sockets)
  const nodes = system.edgeUrls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }))
  const startedMs = performance.now()
  await crew.connect({ dialect: 'hushryd', encoding, trips, followers, nodes })
  console.log(`connected ${sockets} sockets in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`)

  await crew.measure(WARM_UP_S, rate)
  const cpuOf = (): Promise<number[]> =>
    Promise.all(PROCESSES.map((name) => cpuTimeMs(system.process(name).pid ?? 0)))
  const before = await cpuOf()
  const seen = await crew.measure(seconds, rate)
  const after = await cpuOf()
  print(seen, options)
  for (const [index, name] of PROCESSES.entries()) {
    const usedMs = (after[index] ?? 0) - (before[index] ?? 0)
    const bytes = await residentBytes(system.process(name).pid ?? 0)
    console.log(
      `${name.padEnd(18)} ${((usedMs * 1_000) / seen.sent).toFixed(1).padStart(6)} µs CPU an update, ` +
        `${(usedMs / (seconds * 10)).toFixed(0).padStart(3)} % of a core, ${(bytes / 1e6).toFixed(0)} MB`,
    )
  }
  console.log(
    `${'load generator'.padEnd(18)} ${((seen.cpuMs * 1_000) / seen.sent).toFixed(1).padStart(6)} µs CPU an update`,
  )
}

function print(seen: Observation, { seconds, followers }: LoadOptions): void {
  console.log(
    `sent ${seen.sent} (${Math.round(seen.sent / seconds)}/s), seen ${seen.seen} ` +
      `(${((seen.seen / seen.sent / followers) * 100).toFixed(2)} % of what was sent), ` +
      `p50 ${seen.p50Ms} ms, p99 ${seen.p99Ms} ms, p99.9 ${seen.p999Ms} ms`,
  )
  console.log(
    `sockets closed ${seen.closed}, generator's loop late by at most ${seen.loopLateMsMax.toFixed(0)} ms`,
  )
  for (const error of seen.errors) console.log(`error: ${error}`)
}
