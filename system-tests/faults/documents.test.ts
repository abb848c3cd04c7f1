/**
 * Invariant: whichever store is lost in the middle of many uploads, each of
 * them ends as what its file deserves, nothing passes unscanned, and afterwards
 * every object has its record and every record its object.
 * Method: apps send 500 files at once, every tenth with a virus; a store is
 * killed while they are under way and started again once its loss was noticed.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EICAR, makePhoto } from '@hushryd/docs/testing/sample-files.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type HushrydClient, HushrydError, type UploadProgress } from '../../sdk/index.ts'
import { createDriver, objectsOf } from '../testing/documents.ts'

const UPLOADS = 500
const DRIVERS = 50
const VIRUS_EVERY = 10
/** Uploads that were handed over when the store goes: the others are on their way, or not yet announced. */
const UNDER_WAY = 100
const PATIENCE = { timeoutMs: 90_000 }
/** An upload that has no end by then shows as one that took too long, and the others as what they are. */
const UPLOAD_MS = 250_000
/** Half a minute on a machine that does nothing else. */
const LONG = { timeout: 400_000 }

const run = promisify(execFile)

let system: TestSystem
let drivers: readonly HushrydClient[]

beforeAll(async () => {
  system = await startSystem({
    programs: ['edge', 'docs'],
    env: {
      LOG_LEVEL: 'warn',
      DOCS_WAITING_MAX: '1000',
      DOCS_PER_USER_MAX: '1000',
      // All apps are behind one address here.
      REST_RATE_USER: '10000',
      REST_RATE_ADDRESS: '100000',
    },
  })
  drivers = await Promise.all(
    Array.from({ length: DRIVERS }, async (_, index) => {
      const { token } = await createDriver(system, `driver-${index}`)
      return createClient({ endpoints: [...system.edgeUrls], token })
    }),
  )
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

interface Round {
  /** What became of each upload, once all have an end. */
  readonly outcomes: Promise<readonly string[]>
  /** How often a step was told so far. */
  count(step: UploadProgress['step']): number
}

async function begin(): Promise<Round> {
  const photos = await Promise.all(Array.from({ length: UPLOADS }, () => makePhoto()))
  const counts = new Map<string, number>()
  const onProgress = ({ step }: UploadProgress): void => void counts.set(step, (counts.get(step) ?? 0) + 1)
  const outcomes = photos.map(async (photo, index) => {
    const hasVirus = index % VIRUS_EVERY === 0
    const file = hasVirus ? Buffer.concat([photo, EICAR]) : photo
    const driver = drivers[index % DRIVERS]
    try {
      return (
        (await driver?.uploadDocument({ documentType: 'photo', file, onProgress, timeoutMs: UPLOAD_MS }))
          ?.state ?? ''
      )
    } catch (error) {
      return error instanceof HushrydError ? error.reason || error.message : String(error)
    }
  })
  return { outcomes: Promise.all(outcomes), count: (step) => counts.get(step) ?? 0 }
}

/** Since the apps saw the verdicts, all that the service still does is to clear away. */
async function reconcile(): Promise<string> {
  const { spec } = system.process('docs')
  const script = join(system.plan.root, 'services/docs/reconcile-main.ts')
  const { stdout } = await run(process.execPath, [script], { env: spec.env })
  return stdout.trim()
}

/** What the files deserve. */
const DESERVED = Array.from({ length: UPLOADS }, (_, index) =>
  index % VIRUS_EVERY === 0 ? 'MALWARE' : 'AVAILABLE',
)

test.for<readonly [store: string, isNoticed: (round: Round) => Promise<boolean> | boolean]>([
  ['clamd', async () => (await metric('hushryd_docs_scanner_up')) === 0],
  ['s3', ({ count }) => count('retrying') > 0],
  ['mongo', ({ count }) => count('retrying') > 0],
])(
  '%s is lost in the middle of 500 uploads: each ends as it should, with nothing over',
  LONG,
  async ([store, isNoticed]) => {
    const round = await begin()
    await until(() => round.count('checking') >= UNDER_WAY, { ...PATIENCE, what: 'uploads under way' })
    await system.process(store).kill('SIGKILL')
    await until(() => isNoticed(round), { ...PATIENCE, what: `the loss of ${store}` })
    await system.process(store).restart()
    expect(await round.outcomes).toEqual(DESERVED)
    expect(await reconcile()).toBe('every object has its record, and every record its object')
    expect(await objectsOf(system, 'incoming/')).toEqual([])
  },
)

/** Of the one docs there is. */
async function metric(name: string): Promise<number | undefined> {
  const [docs] = system.plan.processes.filter(({ program }) => program.name === 'docs')
  const text = await (await fetch(`http://127.0.0.1:${docs?.ports.ops}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`))
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}
