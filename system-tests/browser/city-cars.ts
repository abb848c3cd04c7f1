/** Cars that drive through real WebSockets, for pages to show. */
import { type Backend, openBackend } from '@hushryd/local/demo/backend.ts'
import { createClient } from '../../sdk/index.ts'

/** The page begins here. */
const CITY = { lat: 37.772, lng: -122.4335 }
const REPORT_EVERY_MS = 250
/** Eastward, at 36 km/h. */
const SPEED_MPS = 10
const METRES_PER_DEGREE = 88_000

export class CityCars implements Disposable {
  readonly #edgeUrls: readonly string[]
  readonly #backend: Backend
  readonly #stops: (() => void)[] = []

  constructor(edgeUrls: readonly string[], serviceKey: string) {
    this.#edgeUrls = edgeUrls
    this.#backend = openBackend(edgeUrls[0] ?? '', serviceKey)
  }

  /** A trip with a car that drives eastward until the end of the test. */
  async drive(tripId: string, northM: number): Promise<void> {
    const driverId = `driver-of-${tripId}`
    await this.#backend.putTrip(tripId, { driverId, passengerIds: [], status: 'ACTIVE' })
    const token = await this.#backend.signIn(driverId, 'driver')
    const startMs = Date.now()
    const client = createClient({ endpoints: this.#edgeUrls, token })
    client.connect()
    const timer = setInterval(() => {
      const timestampMs = Date.now()
      const drivenM = ((timestampMs - startMs) / 1000) * SPEED_MPS
      const lat = CITY.lat + northM / 111_195
      const lng = CITY.lng + drivenM / METRES_PER_DEGREE
      client.reportPosition(tripId, { lat, lng, accuracy: 5, speed: SPEED_MPS, heading: 90, timestampMs })
    }, REPORT_EVERY_MS)
    this.#stops.push(() => {
      clearInterval(timer)
      client.close()
    })
  }

  async complete(tripId: string): Promise<void> {
    await this.#backend.putTrip(tripId, {
      driverId: `driver-of-${tripId}`,
      passengerIds: [],
      status: 'COMPLETED',
    })
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop()
  }
}
