/**
 * `npm run bench -- location`: the same work on a bare relay (the limit), on
 * Socket.IO with its Redis adapter (the usual choice) and on this system, one
 * after the other on the same machine, so that the ratios hold where the
 * figures themselves drift.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { hasProc } from '../load/cpu-time.ts'
import type { Encoding } from '../load/dialect.ts'
import { type Measured, measureSystem } from './measure.ts'
import { machineFacts, ratiosOf, ratioText, tableOf } from './report.ts'
import { SYSTEMS, type SystemName, startBenchSystem } from './systems.ts'

interface Kind {
  readonly encoding: Encoding
  readonly followers: number
  /** Where the search begins on two cores, for each system that is measured so, and a rate that all hold. */
  readonly startRates: Readonly<Partial<Record<SystemName, number>>>
  readonly commonRate: number
}

const KINDS: readonly Kind[] = [
  {
    encoding: 'binary',
    followers: 1,
    startRates: { relay: 32_000, socketio: 7_000, hushryd: 25_000, 'hushryd+history': 12_000 },
    commonRate: 5_000,
  },
  {
    encoding: 'binary',
    followers: 3,
    startRates: { relay: 18_000, socketio: 5_000, hushryd: 14_000 },
    commonRate: 3_000,
  },
  {
    encoding: 'json',
    followers: 1,
    startRates: { relay: 28_000, socketio: 8_000, hushryd: 16_000 },
    commonRate: 5_000,
  },
  {
    encoding: 'json',
    followers: 3,
    startRates: { relay: 16_000, socketio: 5_000, hushryd: 10_000 },
    commonRate: 3_000,
  },
]

const SOCKETS_PER_PROCESS_MAX = 18_000
const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))

function say(text: string): void {
  console.log(text)
}

export async function runLocationBench(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sockets: { type: 'string', default: '20000' },
      seconds: { type: 'string', default: '3' },
      systems: { type: 'string', default: SYSTEMS.join(',') },
      kinds: { type: 'string', default: 'binary-1,binary-3,json-1,json-3' },
    },
  })
  if (!(await hasProc())) throw new Error('the bench reads CPU time from /proc, which only Linux has')
  const sockets = Number(values.sockets)
  const seconds = Number(values.seconds)
  const kinds = KINDS.filter(({ encoding, followers }) =>
    values.kinds.split(',').includes(`${encoding}-${followers}`),
  )
  // A kind with more followers has fewer trips in the same number of sockets.
  const tripsOf = (followers: number): number => Math.floor(sockets / (1 + followers))
  const trips = Math.max(...kinds.map(({ followers }) => tripsOf(followers)))
  const followersOf = (index: number): number =>
    Math.max(0, ...kinds.map(({ followers }) => (index < tripsOf(followers) ? followers : 0)))
  const startedMs = performance.now()
  const all: Measured[] = []
  for (const name of SYSTEMS.filter((each) => values.systems.split(',').includes(each))) {
    say(`${name}: starting`)
    await using system = await startBenchSystem(name, { trips, followersOf })
    for (const { encoding, followers, startRates, commonRate } of kinds) {
      const startRate = startRates[name]
      if (startRate === undefined) continue
      say(`${name}, ${encoding}, 1 driver to ${followers}, ${sockets} sockets`)
      const work = {
        // One process holds no more than the limit on open files; the relay is one.
        sockets: name === 'relay' ? Math.min(sockets, SOCKETS_PER_PROCESS_MAX) : sockets,
        followers,
        encoding,
        commonRate,
        startRate,
        seconds,
      }
      all.push(await measureSystem(system, work, say))
    }
  }
  const minutes = (performance.now() - startedMs) / 60_000
  const ratios = ratiosOf(all)
  say(`\n${tableOf(all)}\n`)
  for (const each of ratios) say(ratioText(each))
  say(`\n${minutes.toFixed(1)} minutes`)
  await mkdir(RESULTS, { recursive: true })
  const file = `${RESULTS}location.json`
  const result = { at: new Date().toISOString(), machine: machineFacts(), minutes, ratios, measured: all }
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`)
  say(`written to bench/results/location.json`)
}
