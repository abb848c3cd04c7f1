import { setTimeout as wait } from 'node:timers/promises'
import { createClient, type HushrydClient } from '../../sdk/index.ts'
import type { Backend } from './backend.ts'
import type { LatencyReport } from './latency-report.ts'
import { positionAt, type Ride } from './ride.ts'
import type { Riders } from './riders.ts'

export interface ReplayContext {
  backend: Backend
  edgeUrls: string[]
  latency: LatencyReport
  riders: Riders
  signal: AbortSignal
}

/** A driver's app reports once a second. */
const REPORT_EVERY_MS = 1_000
/** Between two rides of a driver. */
const PAUSE_MS = 3_000
/** Drivers that sign in at once, so that a start does not look like an attack. */
const SIGN_IN_AT_ONCE = 8

/** Keeps `slots` trips going, each with a driver and a rider, until the signal. */
export async function replayRides(rides: Ride[], slots: number, context: ReplayContext): Promise<void> {
  const waiting = Array.from({ length: slots }, (_, slot) => slot)
  const running: Promise<void>[] = []
  async function signIn(): Promise<void> {
    for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
      if (context.signal.aborted) return
      const seat = await openSeat(slot, context)
      running.push(drive(seat, rides, slots, context))
    }
  }
  await Promise.all(Array.from({ length: SIGN_IN_AT_ONCE }, signIn))
  await Promise.all(running)
}

/** A driver and a rider, signed in, on different edges wherever there are two. */
interface Seat {
  slot: number
  driverId: string
  riderId: string
  driver: HushrydClient
  rider: HushrydClient
}

async function openSeat(slot: number, context: ReplayContext): Promise<Seat> {
  const number = String(slot + 1).padStart(3, '0')
  const driverId = `demo-driver-${number}`
  const riderId = `demo-rider-${number}`
  await context.backend.putUser(driverId, `Demo driver ${number}`)
  await context.backend.putUser(riderId, `Demo rider ${number}`)
  const [driverToken, riderToken] = await Promise.all([
    context.backend.signIn(driverId, 'driver'),
    context.backend.signIn(riderId, 'passenger'),
  ])
  const turn = slot % context.edgeUrls.length
  const forDriver = [...context.edgeUrls.slice(turn), ...context.edgeUrls.slice(0, turn)]
  const forRider = [...forDriver.slice(1), ...forDriver.slice(0, 1)]
  const driver = createClient({ endpoints: forDriver, token: driverToken })
  const rider = createClient({ endpoints: forRider, token: riderToken })
  driver.on('refused', ({ reason }) => context.latency.refused(reason))
  for (const client of [driver, rider]) client.connect()
  return { slot, driverId, riderId, driver, rider }
}

async function drive(seat: Seat, rides: Ride[], slots: number, context: ReplayContext): Promise<void> {
  const { signal } = context
  // Everyone starts somewhere inside a ride, so that trips do not all end together.
  let startAtShare = Math.random() * 0.7
  for (let turn = 0; !signal.aborted; turn += 1) {
    const ride = rides[(seat.slot + turn * slots) % rides.length]
    if (ride === undefined) return
    const people = { driverId: seat.driverId, passengerIds: [seat.riderId] }
    const tripId = `demo-${Date.now().toString(36)}-${seat.slot + 1}`
    await context.backend.putTrip(tripId, { ...people, status: 'ACTIVE' })
    const unfollow = seat.rider.followTrip(tripId, {
      onPosition: ({ timestampMs }) => context.latency.seen(Date.now() - timestampMs),
      onEnd: ({ error }) => {
        if (error !== undefined) context.latency.refused(error.code)
      },
    })
    const startMs = Date.now() - startAtShare * ride.durationS * 1_000
    const leave = context.riders.board({
      riderId: seat.riderId,
      tripId,
      app: seat.rider,
      place() {
        const { lat, lng } = positionAt(ride, (Date.now() - startMs) / 1_000)
        return { lat, lng }
      },
    })
    await replay(seat.driver, tripId, ride, startMs, context)
    leave()
    startAtShare = 0
    await context.backend.putTrip(tripId, { ...people, status: 'COMPLETED' }).catch((error: unknown) => {
      console.error(`trip ${tripId} could not be completed: ${error}`)
    })
    unfollow()
    await wait(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
  seat.driver.close()
  seat.rider.close()
}

async function replay(
  driver: HushrydClient,
  tripId: string,
  ride: Ride,
  startMs: number,
  context: ReplayContext,
): Promise<void> {
  // A phone's clock is in step with nobody else's.
  await wait(Math.random() * REPORT_EVERY_MS)
  while (!context.signal.aborted) {
    const nowMs = Date.now()
    const atS = (nowMs - startMs) / 1_000
    if (atS > ride.durationS) return
    driver.reportPosition(tripId, { ...positionAt(ride, atS), accuracy: 5, timestampMs: nowMs })
    context.latency.sent()
    await wait(REPORT_EVERY_MS, undefined, { signal: context.signal }).catch(() => {})
  }
}
