/**
 * `npm run bench -- sos`: bursts of alerts on BullMQ with Redis, on unary gRPC
 * with awaited publishes, and on this system with one and with two processes of
 * sos, one after the other on the same machine. The same work for each alert: a
 * journalled write to MongoDB, the admin's event, the hand-over of the
 * contacts' messages. What notify then makes of the messages is measured beside.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { hasProc } from '../load/cpu-time.ts'
import { machineFacts } from '../location/report.ts'
import { fleetFor } from './figures.ts'
import { endBystanders, measureProviderCalls, type ProviderCalls, startHushryd } from './hushryd.ts'
import { type Burst, measureBurst, measureSustained, rest } from './measure.ts'
import { startBullMq, startUnary } from './plain.ts'
import { type Measured, ratiosOf, report } from './report.ts'
import type { SosSystem } from './system.ts'

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
const WARM_UP = 500
/** The promise: so many at once, each done within this. */
const FLEET_ALERTS = 30_000
const PROMISE_MS = 500

interface Plan {
  readonly bursts: readonly number[]
  readonly repeats: number
  readonly seconds: number
  readonly providerAlerts: number
}

function say(text: string): void {
  console.log(text)
}

function median(bursts: readonly Burst[]): Burst {
  const sorted = bursts.toSorted((a, b) => a.maxMs - b.maxMs)
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]
  if (middle === undefined) throw new Error('no burst was measured')
  return middle
}

async function measure(
  system: SosSystem,
  { bursts: sizes, repeats, seconds }: Plan,
): Promise<Omit<Measured, 'key' | 'providerCalls'>> {
  say(system.name)
  await measureBurst(system, WARM_UP)
  const bursts: Burst[] = []
  for (const size of sizes) {
    const tries: Burst[] = []
    for (let turn = 0; turn < repeats; turn += 1) tries.push(await measureBurst(system, size))
    const { p50Ms, p99Ms, maxMs, failed } = median(tries)
    say(
      `  ${size} at once: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, last ${maxMs.toFixed(0)} ms` +
        (failed > 0 ? `, ${failed} failed` : ''),
    )
    bursts.push(median(tries))
  }
  const sustained = seconds > 0 ? await measureSustained(system, seconds) : undefined
  if (sustained !== undefined) say(`  sustained: ${sustained.perSecond.toFixed(0)}/s`)
  return { name: system.name, bursts, sustained }
}

async function measureHushryd(processes: number, plan: Plan): Promise<Omit<Measured, 'key'>> {
  await using hushryd = await startHushryd(processes)
  let providerCalls: ProviderCalls | undefined
  if (processes === 1 && plan.providerAlerts > 0) {
    providerCalls = await measureProviderCalls(hushryd, plan.providerAlerts)
    await rest(hushryd)
  }
  await endBystanders(hushryd)
  return { ...(await measure(hushryd, plan)), providerCalls }
}

async function measurePlain(start: () => Promise<SosSystem>, plan: Plan): Promise<Omit<Measured, 'key'>> {
  await using system = await start()
  return await measure(system, plan)
}

const SYSTEMS: Readonly<Record<string, (plan: Plan) => Promise<Omit<Measured, 'key'>>>> = {
  bullmq: (plan) => measurePlain(startBullMq, plan),
  unary: (plan) => measurePlain(startUnary, plan),
  one: (plan) => measureHushryd(1, plan),
  two: (plan) => measureHushryd(2, plan),
}

export async function runSosBench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      bursts: { type: 'string', default: '1000,8000,30000' },
      repeats: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      systems: { type: 'string', default: Object.keys(SYSTEMS).join(',') },
      'provider-alerts': { type: 'string', default: '1000' },
    },
  })
  if (!(await hasProc())) throw new Error('the bench reads CPU time from /proc, which only Linux has')
  const plan: Plan = {
    bursts: values.bursts.split(',').map(Number),
    repeats: Number(values.repeats),
    seconds: Number(values.seconds),
    providerAlerts: Number(values['provider-alerts']),
  }
  const startedMs = performance.now()
  const measured: Measured[] = []
  for (const [key, run] of Object.entries(SYSTEMS))
    if (values.systems.split(',').includes(key)) measured.push({ key, ...(await run(plan)) })
  const minutes = (performance.now() - startedMs) / 60_000
  const bursts = (key: string): readonly Burst[] => measured.find((each) => each.key === key)?.bursts ?? []
  const fleet = fleetFor({
    alerts: FLEET_ALERTS,
    timeMs: PROMISE_MS,
    one: bursts('one'),
    two: bursts('two'),
    cpuUs: bursts('one').at(-1)?.cpuUs ?? {},
  })
  const ratios = ratiosOf(measured)
  say('')
  for (const line of report({ measured, ratios, fleet, fleetAlerts: FLEET_ALERTS, promiseMs: PROMISE_MS }))
    say(line)
  say(`\n${minutes.toFixed(1)} minutes`)
  await mkdir(RESULTS, { recursive: true })
  const result = {
    at: new Date().toISOString(),
    machine: machineFacts(),
    minutes,
    plan,
    ratios,
    fleet,
    measured,
  }
  await writeFile(`${RESULTS}sos.json`, `${JSON.stringify(result, null, 2)}\n`)
  say('written to bench/results/sos.json')
}
