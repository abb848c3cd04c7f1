/**
 * Invariant: an edge's death costs no position that an app has reported, and
 * no app its place: all are back on another edge, following what they followed.
 * Method: apps by the SDK on two edges, reporting; one edge is killed without a
 * word, later the other is drained by an order; the trail is then compared with
 * what was reported. Missing may be only as many as the location service says
 * that it folded: on a busy machine two reports of a driver share a window.
 */
import type { ListEdgesResponse } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClient, type HushrydClient } from '../../sdk/index.ts'
import { createTrip, readTrail } from '../testing/trip.ts'

const TRIPS = 24
const REPORT_EVERY_MS = 200
const BACK_WITHIN_MS = 30_000
const PATIENCE = { timeout: BACK_WITHIN_MS, interval: 250 }

let system: TestSystem

beforeAll(async () => {
  system = await startSystem({ programs: ['edge', 'location-history'] })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

interface Ride extends Disposable {
  readonly tripId: string
  readonly driver: HushrydClient
  readonly rider: HushrydClient
  readonly reported: number[]
  /** Times that the rider has seen, in their order. */
  readonly seen: number[]
}

async function startRide(index: number): Promise<Ride> {
  const tripId = `ride-${index}`
  const { driverToken, riderTokens } = await createTrip(system, tripId)
  // Half of the drivers begin on each edge, their riders on the other.
  const [first = '', second = ''] = index % 2 === 0 ? system.edgeUrls : system.edgeUrls.toReversed()
  const driver = createClient({ endpoints: [first, second], token: driverToken })
  const rider = createClient({ endpoints: [second, first], token: riderTokens[0] ?? '' })
  driver.connect()
  rider.connect()
  const reported: number[] = []
  const seen: number[] = []
  rider.followTrip(tripId, { onPosition: ({ timestampMs }) => seen.push(timestampMs) })
  const timer = setInterval(() => {
    const timestampMs = Date.now()
    reported.push(timestampMs)
    driver.reportPosition(tripId, { lat: 17.4 + reported.length * 1e-6, lng: 78.5, timestampMs })
  }, REPORT_EVERY_MS)
  return {
    tripId,
    driver,
    rider,
    reported,
    seen,
    [Symbol.dispose]() {
      clearInterval(timer)
      driver.close()
      rider.close()
    },
  }
}

function newestOf(times: readonly number[]): number {
  return times.at(-1) ?? 0
}

/** Everyone is connected, and each rider sees what was reported after now. */
async function expectAllBack(rides: readonly Ride[]): Promise<void> {
  const sinceMs = Date.now()
  await vi.waitFor(() => {
    for (const { driver, rider, seen } of rides) {
      expect([driver.state, rider.state]).toEqual(['open', 'open'])
      expect(newestOf(seen)).toBeGreaterThan(sinceMs)
    }
  }, PATIENCE)
}

async function expectNothingLost(rides: readonly Ride[], startMs: number): Promise<void> {
  await vi.waitFor(async () => {
    let missing = 0
    for (const { tripId, reported } of rides) {
      const trail = new Set((await readTrail(system, tripId, startMs)).map(({ timestampMs }) => timestampMs))
      // The newest are still on their way.
      const due = reported.filter((time) => time < Date.now() - 3_000)
      missing += due.filter((time) => !trail.has(time)).length
    }
    expect(missing).toBeLessThanOrEqual(await countFolded())
  }, PATIENCE)
}

/** Positions whose place a newer one of the same driver and window took. */
async function countFolded(): Promise<number> {
  const location = system.plan.processes.find(({ program }) => program.name === 'location')
  const text = await (await fetch(`http://127.0.0.1:${location?.ports.ops}/metrics`)).text()
  const [, count] = /^hushryd_location_fixes_total\{[^}]*outcome="folded"[^}]*\} (\d+)/m.exec(text) ?? []
  return Number(count)
}

test('an edge is killed under load, then drained: every app is back, and nothing that was reported is lost', async () => {
  const startMs = Date.now() - 1_000
  using stack = new DisposableStack()
  const rides: Ride[] = []
  for (let index = 0; index < TRIPS; index += 1) rides.push(stack.use(await startRide(index)))
  await expectAllBack(rides)

  await system.process('edge-1').kill('SIGKILL')
  await expectAllBack(rides)
  await expectNothingLost(rides, startMs)

  await system.process('edge-1').restart()
  const askAsAdmin = await signAdminIn()
  await askAsAdmin('POST', '/v1/admin/edges/edge-2:drain')
  await vi.waitFor(async () => {
    const { edges } = (await askAsAdmin('GET', '/v1/admin/edges')) as Pick<ListEdgesResponse, 'edges'>
    expect(edges.find(({ edgeId }) => edgeId === 'edge-2')).toMatchObject({ draining: true, connections: 0 })
  }, PATIENCE)
  await expectAllBack(rides)
  await expectNothingLost(rides, startMs)
  for (const { seen } of rides) expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b))
})

/** Answers how to ask edge-1 as an admin: it passes on what another edge is to do. */
async function signAdminIn(): Promise<(method: string, path: string) => Promise<unknown>> {
  const ask = async (method: string, path: string, credential: string, body: object): Promise<unknown> => {
    const response = await fetch(`${system.edgeUrls[0]}${path}`, {
      method,
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return await response.json()
  }
  const session = { userId: 'meera', role: 'admin', deviceId: 'desk' }
  const { token } = (await ask('POST', '/v1/sessions', system.serviceKey, session)) as {
    readonly token: string
  }
  return (method, path) => ask(method, path, token, {})
}
