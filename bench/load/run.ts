/**
 * A load on the whole system: drivers report, riders on the other edge follow.
 * Prints what riders saw and what each process paid for an update.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startSystem, type TestSystem } from '../../local/testing/start-system.ts'
import { cpuTimeMs, hasProc, residentBytes } from './cpu-time.ts'
import type { LoadCommand, LoadPlan, LoadResult } from './load-worker.ts'
import { signInPeople } from './people.ts'

/** Sockets that one worker holds: half of the usual limit on open files, so that there is room for the rest. */
const SOCKETS_PER_WORKER_MAX = 10_000
const WARM_UP_S = 3

export interface LoadOptions {
  sockets: number
  rate: number
  seconds: number
  followers: number
  protocol: LoadPlan['protocol']
}

export async function runLoad(args: string[]): Promise<void> {
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
  if (!(await hasProc())) throw new Error('the load reads CPU time from /proc, which only Linux has')
  const options: LoadOptions = {
    sockets: Number(values.sockets),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    followers: Number(values.followers),
    protocol: values.json ? 'hushryd.v1.json' : 'hushryd.v1.proto',
  }
  console.log(`load: ${JSON.stringify(options)}`)
  await using system = await startSystem({ edges: 2, env: { LOG_LEVEL: 'warn' } })
  await measureLoad(system, options)
}

async function measureLoad(system: TestSystem, options: LoadOptions): Promise<void> {
  const trips = Math.floor(options.sockets / (1 + options.followers))
  const startedMs = performance.now()
  const people = await signInPeople({ ...system, trips, followers: options.followers, prefix: 'load' })
  console.log(`signed in ${trips * (1 + options.followers)} people in ${seconds(startedMs)} s`)

  const workers = Math.ceil(options.sockets / SOCKETS_PER_WORKER_MAX)
  const children = Array.from({ length: workers }, startWorker)
  const edges = system.edgeUrls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }))
  const connectedMs = performance.now()
  const perWorker = Math.ceil(people.length / workers)
  await Promise.all(
    children.map((child, worker) => {
      const plan: LoadPlan = {
        trips: people.slice(worker * perWorker, (worker + 1) * perWorker),
        edges,
        rate: options.rate / workers,
        protocol: options.protocol,
        worker,
      }
      return ask(child, { type: 'connect', plan })
    }),
  )
  console.log(`connected ${options.sockets} sockets in ${seconds(connectedMs)} s`)

  const rate = options.rate / workers
  const load = (duration: number) =>
    Promise.all(children.map((child) => ask(child, { type: 'measure', seconds: duration, rate })))
  await load(WARM_UP_S)
  const names = ['edge-1', 'edge-2', 'location', 'location-history', 'directory', 'nats', 'valkey', 'mongo']
  const before = await cpuOf(system, names)
  const results = (await load(options.seconds)) as LoadResult[]
  const after = await cpuOf(system, names)
  report(results, options)
  const sent = sum(results, (result) => result.sent)
  for (const name of names) {
    const usedMs = (after.get(name) ?? 0) - (before.get(name) ?? 0)
    const rss = await residentBytes(system.process(name).pid ?? 0)
    console.log(
      `${name.padEnd(18)} ${((usedMs * 1_000) / sent).toFixed(1).padStart(6)} µs CPU an update, ` +
        `${(usedMs / (options.seconds * 10)).toFixed(0).padStart(3)} % of a core, ${(rss / 1e6).toFixed(0)} MB`,
    )
  }
  const generatorMs = sum(results, (result) => result.cpuMs)
  console.log(
    `${'load generator'.padEnd(18)} ${((generatorMs * 1_000) / sent).toFixed(1).padStart(6)} µs CPU an update`,
  )
  for (const child of children) child.send({ type: 'end' } satisfies LoadCommand)
}

function report(results: LoadResult[], options: LoadOptions): void {
  const sent = sum(results, (result) => result.sent)
  const received = sum(results, (result) => result.received)
  const counts: number[] = []
  for (const result of results) {
    for (const [ms, count] of result.latencyCounts.entries()) counts[ms] = (counts[ms] ?? 0) + count
  }
  const percentile = (share: number): number => {
    let left = received * share
    return counts.findIndex((count) => {
      left -= count
      return left <= 0
    })
  }
  console.log(
    `sent ${sent} (${Math.round(sent / options.seconds)}/s), seen ${received} ` +
      `(${((received / sent / options.followers) * 100).toFixed(2)} % of what was sent), ` +
      `p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, p99.9 ${percentile(0.999)} ms`,
  )
  const late = Math.max(...results.map((result) => result.loopLateMsMax))
  const closed = sum(results, (result) => result.closed)
  console.log(`sockets closed ${closed}, generator's loop late by at most ${late.toFixed(0)} ms`)
  for (const error of results.flatMap((result) => result.errors).slice(0, 5)) console.log(`error: ${error}`)
}

async function cpuOf(system: TestSystem, names: string[]): Promise<Map<string, number>> {
  const entries = names.map(async (name) => [name, await cpuTimeMs(system.process(name).pid ?? 0)] as const)
  return new Map(await Promise.all(entries))
}

function startWorker(): ChildProcess {
  return fork(fileURLToPath(new URL('load-worker.ts', import.meta.url)), { serialization: 'advanced' })
}

function ask(child: ChildProcess, command: LoadCommand): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: { answer?: unknown; error?: string }) => {
      if (message.error === undefined) resolve(message.answer)
      else reject(new Error(message.error))
    })
    child.send(command)
  })
}

function sum<T>(list: T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0)
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1)
}
