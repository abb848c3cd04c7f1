/** A trip with its people, as HushRyd's backend and the apps make it. */
import { type App, openApp } from '@hushryd/edge/testing/app.ts'
import { type Backend, openBackend } from '@hushryd/local/demo/backend.ts'
import type { TestSystem } from '@hushryd/local/testing/start-system.ts'

export interface Position {
  readonly userId: string
  readonly lat: number
  readonly lng: number
  readonly timestampMs: number
}

export interface TestTrip {
  readonly tripId: string
  readonly driverId: string
  readonly driverToken: string
  readonly riderIds: readonly string[]
  readonly riderTokens: readonly string[]
  setStatus(status: string): Promise<void>
}

export function backendOf(system: TestSystem): Backend {
  return openBackend(system.edgeUrls[0] ?? '', system.serviceKey)
}

/** Sessions come from the first edge, whichever the apps then use. */
export async function createTrip(system: TestSystem, tripId: string, riders = 1): Promise<TestTrip> {
  const backend = backendOf(system)
  const driverId = `${tripId}-driver`
  const riderIds = Array.from({ length: riders }, (_, index) => `${tripId}-rider-${index}`)
  const setStatus = (status: string): Promise<void> =>
    backend.putTrip(tripId, { driverId, passengerIds: [...riderIds], status })
  await setStatus('ACTIVE')
  const [driverToken, riderTokens] = await Promise.all([
    backend.signIn(driverId, 'driver'),
    Promise.all(riderIds.map((riderId) => backend.signIn(riderId, 'passenger'))),
  ])
  return { tripId, driverId, driverToken, riderIds, riderTokens, setStatus }
}

export async function openOn(
  system: TestSystem,
  edge: number,
  token: string | undefined,
  protocol: 'json' | 'proto' = 'json',
): Promise<App> {
  const url = `${system.edgeUrls[edge]}/v1/ws`.replace(/^http/, 'ws')
  return await openApp({
    url,
    protocols: [`hushryd.v1.${protocol}`],
    ...(token === undefined ? {} : { token }),
  })
}

/** Joins and answers the snapshot. */
export async function join(app: App, tripId: string, sinceMs = 0): Promise<JoinedFrame> {
  const id = `join-${tripId}-${Math.random()}`
  app.send({ id, join: { tripId, sinceMs } })
  const answer = await app.answer(id)
  if (answer.joined === undefined) throw new Error(`the join was refused: ${JSON.stringify(answer)}`)
  // The public contract of the frame.
  return answer.joined as JoinedFrame
}

export interface JoinedFrame {
  readonly tripId: string
  readonly latest?: Position
  readonly missed: readonly Position[]
  readonly complete: boolean
}

/** A driver who goes north a little with each report, one report a step. */
export class Drive {
  readonly #tripId: string
  #lat = 17.4
  /** Times of all that were reported. */
  readonly reported: number[] = []

  constructor(tripId: string) {
    this.#tripId = tripId
  }

  /** The next position: a second of city traffic for each 20 ms of test, so never too fast to believe. */
  next(timestampMs = Date.now()): Record<string, unknown> {
    this.#lat += 1e-6
    // Times of one person rise, also within one millisecond.
    const last = this.reported.at(-1) ?? 0
    const time = Math.max(timestampMs, last + 1)
    this.reported.push(time)
    return {
      tripId: this.#tripId,
      lat: this.#lat,
      lng: 78.5,
      accuracy: 5,
      speed: 8,
      heading: 0,
      timestampMs: time,
    }
  }

  report(app: App): number {
    app.send({ location: this.next() })
    return this.reported.at(-1) ?? 0
  }
}

/** Until the app has seen a position of that time or later. */
export async function seesPosition(app: App, timestampMs: number, timeoutMs = 20_000): Promise<Position> {
  for (;;) {
    const frame = await app.next(({ trip }) => trip !== undefined, timeoutMs)
    const { updates } = frame.trip as { readonly updates: readonly Position[] }
    const found = updates.find((update) => update.timestampMs >= timestampMs)
    if (found !== undefined) return found
  }
}

/** Reports again and again until the follower sees a position that was reported after the call. */
export async function flowsAgain(driver: App, drive: Drive, rider: App, timeoutMs = 30_000): Promise<void> {
  const sinceMs = Date.now()
  const timer = setInterval(() => drive.report(driver), 100)
  try {
    await seesPosition(rider, sinceMs, timeoutMs)
  } finally {
    clearInterval(timer)
  }
}

/** The trail by REST. */
export async function readTrail(
  system: TestSystem,
  tripId: string,
  fromMs: number,
): Promise<readonly Position[]> {
  const url = `${system.edgeUrls[1]}/v1/trips/${tripId}/trail?fromMs=${fromMs}`
  const response = await fetch(url, { headers: { authorization: `Bearer ${system.serviceKey}` } })
  const text = await response.text()
  if (!response.ok) throw new Error(`the trail: ${response.status} ${text}`)
  return (JSON.parse(text) as { readonly updates: readonly Position[] }).updates
}
