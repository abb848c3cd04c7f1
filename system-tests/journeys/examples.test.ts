/** The examples that the README names do what it says. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTrip, Drive, openOn } from '../testing/trip.ts'

const EXAMPLES = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'examples')
let system: TestSystem

beforeAll(async () => {
  system = await startSystem({ programs: ['edge'] })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

function env(): NodeJS.ProcessEnv {
  return { ...process.env, HUSHRYD_SERVICE_KEY: system.serviceKey }
}

test.for([
  [
    'location',
    'hushryd.location.v1.LocationService/FindNearby',
    '{"lat":17.4,"lng":78.5,"radius_m":2000}',
    'drivers',
  ],
  ['edge', 'hushryd.edge.v1.EdgeService/ListEdges', '{}', 'edges'],
] as const)(
  'call-a-service learns %s by reflection and calls it',
  async ([program, method, request, field]) => {
    const trip = await createTrip(system, `call-${program}`, 1)
    using driver = await openOn(system, 0, trip.driverToken)
    const drive = new Drive(`call-${program}`)
    drive.report(driver)
    const address = system.grpcOf(program)[0] ?? ''
    const args = [join(EXAMPLES, 'call-a-service.mjs'), address, method, request]
    await expect
      .poll(
        async () => {
          const { stdout } = await promisify(execFile)(process.execPath, args, { env: env() })
          return JSON.parse(stdout)
        },
        { timeout: 20_000, interval: 100 },
      )
      .toMatchObject({ [field]: expect.arrayContaining([expect.anything()]) })
  },
)

test('follow-a-trip joins and prints what the driver reports', async () => {
  const trip = await createTrip(system, 'followed', 1)
  using driver = await openOn(system, 0, trip.driverToken)
  const args = [join(EXAMPLES, 'follow-a-trip.mjs'), 'followed', system.edgeUrls[1] ?? '']
  const example = spawn(process.execPath, args, { env: env(), stdio: ['ignore', 'pipe', 'inherit'] })
  const drive = new Drive('followed')
  const lines: string[] = []
  for await (const line of createInterface({ input: example.stdout })) {
    lines.push(line)
    if (line.startsWith('joined')) drive.report(driver)
    else break
  }
  example.kill()
  if (example.exitCode === null && example.signalCode === null) await once(example, 'exit')
  expect(lines[0]).toBe('joined, 0 positions of the last minute')
  expect(lines[1]).toMatch(/^[\d.]+ 78\.5 \d+ ms ago$/)
})
