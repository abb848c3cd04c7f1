import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Fleet } from '../fleet/fleet.ts'
import { askForFleet, enterByShare, socketUrl } from './admission.ts'
import { FleetWatch } from './fleet-watch.ts'
import type { ClientFrame } from './frames.ts'
import type { Outlet } from './link.ts'
import { TripFollow } from './trip-follow.ts'

const BASE = 'https://edge.example'

/** Keeps what is sent, and why it was stopped. */
class TestLink implements Outlet {
  readonly sent: ClientFrame[] = []
  stopped: string | undefined

  send(frame: ClientFrame): boolean {
    this.sent.push(frame)
    return true
  }

  stop(message: string): void {
    this.stopped = message
  }
}

function position(timestampMs: number, lat = 17.4) {
  return { userId: 'asha', lat, lng: 78.5, accuracy: 5, speed: 8, heading: 90, timestampMs }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 10_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function startWatch() {
  const fleet = new Fleet()
  const link = new TestLink()
  let box = { south: 17.3, west: 78.3, north: 17.5, east: 78.6 }
  const watch = new FleetWatch({ fleet, link, visibleBox: () => box })
  watch.restart()
  const move = (lng: number) => {
    box = { ...box, west: box.west + lng, east: box.east + lng }
    watch.look()
  }
  return { fleet, link, watch, move }
}

test('a map that moved beyond what is watched asks anew, once, and ends the old call', () => {
  const { link, move } = startWatch()
  move(0.01)
  vi.advanceTimersByTime(1_000)
  expect(link.sent.map((frame) => Object.keys(frame))).toEqual([['id', 'call']])
  for (let step = 0; step < 10; step += 1) move(0.1)
  vi.advanceTimersByTime(1_000)
  expect(link.sent.slice(1)).toMatchObject([
    { id: 'fleet-1', cancel: {} },
    { id: 'fleet-2', call: {} },
  ])
})

test('a new snapshot drops what it does not name, and late words of the old call are passed over', () => {
  const { fleet, watch, move } = startWatch()
  const vehicles = [{ tripId: 'T1', position: position(1_000) }]
  watch.receive({ id: 'fleet-1', next: { vehicles, caughtUp: true } }, 1_000)
  move(2)
  vi.advanceTimersByTime(1_000)
  watch.receive({ id: 'fleet-1', next: { vehicles: [{ tripId: 'T9', position: position(2_000) }] } }, 2_000)
  watch.receive({ id: 'fleet-2', next: { vehicles: [{ tripId: 'T2', position: position(2_000) }] } }, 2_000)
  expect([...fleet.vehicles.keys()]).toEqual(['T1', 'T2'])
  watch.receive({ id: 'fleet-2', next: { caughtUp: true } }, 2_000)
  expect([...fleet.vehicles.keys()]).toEqual(['T2'])
  watch.receive({ id: 'fleet-2', next: { removedTripIds: ['T2'] } }, 2_000)
  expect(fleet.vehicles.size).toBe(0)
})

test('a stream that failed is asked for again, not before the time that its error names', () => {
  const { link, watch } = startWatch()
  watch.receive({ id: 'fleet-1', error: { code: 'UNAVAILABLE', message: '', retryAfterMs: 5_000 } }, 0)
  vi.advanceTimersByTime(4_999)
  expect(link.sent).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(link.sent[1]).toMatchObject({ id: 'fleet-2', call: {} })
})

function startFollow() {
  const fleet = new Fleet()
  const link = new TestLink()
  const follow = new TripFollow({ fleet, link, tripId: 'T1' })
  return { fleet, link, follow }
}

test('a shared trip begins ten minutes back and, after a reconnect, where it was lost', () => {
  const { fleet, link, follow } = startFollow()
  follow.restart(10_000_000)
  const missed = [position(9_500_000, 17.4), position(9_501_000, 17.4001)]
  follow.receive(
    { id: 'join', joined: { tripId: 'T1', missed, latest: position(9_502_000, 17.4002) } },
    10_000_000,
  )
  follow.receive({ trip: { tripId: 'T1', updates: [position(9_999_000, 17.401)] } }, 10_000_000)
  follow.restart(10_005_000)
  expect(link.sent).toEqual([
    { id: 'join', join: { tripId: 'T1', sinceMs: 9_400_000 } },
    { id: 'join', join: { tripId: 'T1', sinceMs: 9_999_000 } },
  ])
  expect(fleet.vehicles.get('T1')?.trail.points).toHaveLength(4)
})

test('the end of the trip ends the page’s work, in words', () => {
  const { link, follow } = startFollow()
  follow.receive({ event: { type: 'trip.completed', tripId: 'T2' } }, 0)
  follow.receive({ event: { type: 'trip.stale', tripId: 'T1' } }, 0)
  expect(link.stopped).toBeUndefined()
  follow.receive({ event: { type: 'trip.completed', tripId: 'T1' } }, 0)
  expect(link.stopped).toBe('This trip has arrived.')
})

test('a join that cannot be answered now is sent again, one that never can is not', () => {
  const { link, follow } = startFollow()
  follow.receive({ id: 'join', error: { code: 'UNAVAILABLE', message: '' } }, 0)
  vi.advanceTimersByTime(2_000)
  expect(link.sent).toHaveLength(1)
  follow.receive({ id: 'join', error: { code: 'FAILED_PRECONDITION', message: '' } }, 0)
  expect(link.stopped).toBe('This trip has ended.')
})

test('a socket goes where the page came from', () => {
  expect(socketUrl(BASE, { share: 'a+b' })).toBe('wss://edge.example/v1/ws?share=a%2Bb')
  expect(socketUrl('http://localhost:8080', { ticket: 't' })).toBe('ws://localhost:8080/v1/ws?ticket=t')
})

function answer(status: number, body: object = {}, headers: Record<string, string> = {}): void {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(body), { status, headers }))
}

test('the fleet’s map takes a ticket, waits when told to, and says so where it is closed', async () => {
  answer(200, { ticket: 'abc' })
  expect(await askForFleet(BASE)).toEqual({ kind: 'enter', url: 'wss://edge.example/v1/ws?ticket=abc' })
  answer(429, {}, { 'retry-after': '7' })
  expect(await askForFleet(BASE)).toEqual({ kind: 'later', retryAfterMs: 7_000 })
  answer(503)
  expect(await askForFleet(BASE)).toEqual({ kind: 'later', retryAfterMs: 0 })
  answer(403)
  expect(await askForFleet(BASE)).toMatchObject({ kind: 'refused' })
})

test('a share link is asked about only after it was refused', async () => {
  const link = { tripId: 'T1', token: 'secret' }
  answer(410)
  expect(await enterByShare(BASE, link, false)).toMatchObject({ kind: 'enter' })
  expect(await enterByShare(BASE, link, true)).toMatchObject({ kind: 'refused' })
  // No position yet, or an edge that is busy: the link itself is good.
  for (const status of [404, 503]) {
    answer(status)
    expect(await enterByShare(BASE, link, true)).toMatchObject({ kind: 'enter' })
  }
})
