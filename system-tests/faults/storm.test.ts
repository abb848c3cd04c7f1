/**
 * Invariant: a storm of apps that want in is let in at the admitted rate and no
 * faster, all of them, and nobody who was in before notices.
 * Method: 400 apps by the SDK come to two edges at once, more than four times
 * what these take in a second; then a quarter of them lose their connection at
 * one moment, while rides among the others go on. What an edge let in is told
 * by the times in its welcomes.
 */
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { mostWithin } from '../../bench/sockets/rates.ts'
import { type ConnectionState, createClient, type HushrydClient } from '../../sdk/index.ts'
import { backendOf, createTrip } from '../testing/trip.ts'

const APPS = 400
const CUT = APPS / 4
const RIDES = 10
const CONNECTS_PER_SECOND = 50
/**
 * By the times of welcomes, each of which comes a little after its admission: a
 * process that pauses in between moves some into the next second.
 */
const WELCOMES_PER_SECOND_MAX = 2 * CONNECTS_PER_SECOND
const REPORT_EVERY_MS = 200
/** A rider who is disturbed comes back and catches up; one who is not never waits for long. */
const SILENCE_MS_MAX = 5_000
/** The SDK waits for up to 30 s where a connection was lost soon after it was hard to get. */
const PATIENCE = { timeout: 40_000, interval: 100 }

let system: TestSystem
let proxies: FaultyProxy[]

beforeAll(async () => {
  system = await startSystem({
    programs: ['edge'],
    env: { CONNECTS_PER_SECOND: String(CONNECTS_PER_SECOND), REST_RATE_ADDRESS: '100000' },
  })
  proxies = await Promise.all(system.edgeUrls.map((target) => startFaultyProxy({ target })))
})
afterAll(async () => {
  for (const proxy of proxies ?? []) await proxy[Symbol.asyncDispose]()
  await system?.[Symbol.asyncDispose]()
})

interface Welcome {
  readonly edgeId: string
  readonly serverTimeMs: number
}

interface App {
  readonly client: HushrydClient
  readonly states: ConnectionState[]
}

function openAppOf(token: string, endpoints: readonly string[], welcomes: Welcome[]): App {
  const client = createClient({
    endpoints,
    token,
    protocol: 'json',
    webSocket(url, protocols) {
      const socket = new WebSocket(url, protocols)
      socket.addEventListener('message', ({ data }) => {
        // The public contract of the frame.
        const { welcome } = JSON.parse(String(data)) as { readonly welcome?: Welcome }
        if (welcome !== undefined) welcomes.push(welcome)
      })
      return socket
    },
  })
  const states: ConnectionState[] = []
  client.on('state', ({ state }) => states.push(state))
  client.connect()
  return { client, states }
}

function expectAdmittedRate(welcomes: readonly Welcome[]): void {
  for (const edgeId of ['edge-1', 'edge-2']) {
    const timesMs = welcomes.filter((each) => each.edgeId === edgeId).map(({ serverTimeMs }) => serverTimeMs)
    expect(timesMs.length).toBeGreaterThan(0)
    expect(mostWithin(timesMs, 1_000)).toBeLessThanOrEqual(WELCOMES_PER_SECOND_MAX)
  }
}

async function expectOpen(apps: readonly App[]): Promise<void> {
  await vi.waitFor(() => {
    expect(apps.filter(({ client }) => client.state !== 'open').length).toBe(0)
  }, PATIENCE)
}

/** Sockets that the edges hold by their own count. */
async function countSockets(): Promise<number> {
  const edges = system.plan.processes.filter(({ program }) => program.name === 'edge')
  const counts = await Promise.all(
    edges.map(async ({ ports }) => {
      const text = await (await fetch(`http://127.0.0.1:${ports.ops}/metrics`)).text()
      const values = text.matchAll(/^hushryd_edge_connections\{[^}]*\} (\d+)/gm)
      return values.reduce((sum, [, count]) => sum + Number(count), 0)
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Reports until disposed; the times at which the rider sees something. */
function startRide(
  tripId: string,
  driver: HushrydClient,
  rider: HushrydClient,
): Disposable & { seenAtMs: number[] } {
  const seenAtMs: number[] = []
  let reported = 0
  rider.followTrip(tripId, { onPosition: () => seenAtMs.push(Date.now()) })
  const timer = setInterval(() => {
    reported += 1
    driver.reportPosition(tripId, { lat: 17.4 + reported * 1e-6, lng: 78.5, timestampMs: Date.now() })
  }, REPORT_EVERY_MS)
  return { seenAtMs, [Symbol.dispose]: () => clearInterval(timer) }
}

function longestSilenceMs(timesMs: readonly number[], fromMs: number, toMs: number): number {
  const marks = [fromMs, ...timesMs.filter((timeMs) => timeMs > fromMs && timeMs < toMs), toMs]
  return Math.max(...marks.map((timeMs, index) => timeMs - (marks[index - 1] ?? timeMs)))
}

test('a storm is let in at the admitted rate: all come back, and the others notice nothing', async () => {
  const backend = backendOf(system)
  const trips = await Promise.all(
    Array.from({ length: RIDES }, (_, index) => createTrip(system, `storm-${index}`)),
  )
  const rideTokens = trips.flatMap(({ driverToken, riderTokens }) => [driverToken, ...riderTokens])
  const tokens = await Promise.all(
    Array.from({ length: APPS - rideTokens.length }, (_, index) =>
      backend.signIn(`storm-${index}`, 'passenger'),
    ),
  )
  using stack = new DisposableStack()
  const welcomes: Welcome[] = []
  const open = (token: string, endpoints: readonly string[]): App => {
    const app = openAppOf(token, endpoints, welcomes)
    stack.defer(() => app.client.close())
    return app
  }
  const cut = tokens.splice(0, CUT).map((token) =>
    open(
      token,
      proxies.map((proxy) => proxy.url('http')),
    ),
  )
  const others = [...rideTokens, ...tokens].map((token) => open(token, system.edgeUrls))
  const apps = [...cut, ...others]

  await expectOpen(apps)
  expectAdmittedRate(welcomes)

  const rides = trips.map(({ tripId }, index) => {
    const [driver, rider] = [others[2 * index], others[2 * index + 1]]
    if (driver === undefined || rider === undefined) throw new Error('a ride has two apps')
    return stack.use(startRide(tripId, driver.client, rider.client))
  })
  await vi.waitFor(() => {
    for (const { seenAtMs } of rides) expect(seenAtMs.length).toBeGreaterThan(0)
  }, PATIENCE)

  welcomes.length = 0
  for (const { states } of apps) states.length = 0
  const stormMs = Date.now()
  for (const proxy of proxies) proxy.reset()
  await vi.waitFor(() => {
    for (const { states } of cut) expect(states).toContain('waiting')
  }, PATIENCE)
  await expectOpen(apps)
  await vi.waitFor(async () => expect(await countSockets()).toBe(APPS), PATIENCE)
  const overMs = Date.now()

  expectAdmittedRate(welcomes)
  expect(welcomes.length).toBeGreaterThanOrEqual(CUT)
  for (const { states } of others) expect(states.filter((state) => state !== 'open')).toEqual([])
  for (const { seenAtMs } of rides) {
    expect(longestSilenceMs(seenAtMs, stormMs, overMs)).toBeLessThan(SILENCE_MS_MAX)
  }
})
