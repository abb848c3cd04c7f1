/** The people on duty see a ride, its booking and an alert as they happen, find them again, and see how all stands. */
import type { ListEventsResponse } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, rest, signIn } from '../testing/alerts.ts'
import { LogWatcher } from '../testing/log-watcher.ts'
import { createTrip } from '../testing/trip.ts'

const PATIENCE_MS = 60_000
const TRIP = 'operations-trip'
const ALERT = 'operations-alert'

let system: TestSystem
let admin: string

beforeAll(async () => {
  system = await startSystem({ programs: ['admin', 'sos', 'maskcall', 'docs', 'edge'] })
  admin = await signIn(system, 'meera', 'admin')
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

test('what happens is told in the order in which it happened, and found again in the archive', async () => {
  await using watcher = new LogWatcher({ edgeUrls: system.edgeUrls, token: admin, transport: 'sse' })
  // Each is answered only when the log has it, so that the next one has the greater number.
  const booking = { type: 'booking.created', tripId: TRIP, region: 'HYD', data: { seats: 1 } }
  await ask(system, { method: 'POST', path: '/v1/events', body: booking })
  const trip = await createTrip(system, TRIP)
  const alert = { alertId: ALERT, tripId: TRIP }
  await ask(system, { method: 'POST', path: '/v1/sos', token: trip.riderTokens[0] ?? '', body: alert })
  await trip.setStatus('COMPLETED')
  const told = ['booking.created', 'trip.started', 'sos.triggered', 'trip.completed']
  const seen = (): string[] => watcher.seen.map(({ type }) => type).filter((type) => told.includes(type))
  await until(() => seen().includes('trip.completed'), {
    timeoutMs: PATIENCE_MS,
    what: 'the end of the ride',
  })
  expect(seen()).toEqual(told)
  expect(watcher.faults).toEqual([])

  const found = await until(
    async () => {
      const path = `/v1/admin/events:search?tripId=${TRIP}`
      const { events } = (await ask(system, { path, token: admin })) as unknown as ListEventsResponse
      return events.some(({ event }) => event?.type === 'trip.completed') ? events : undefined
    },
    { timeoutMs: PATIENCE_MS, what: 'the ride in the archive' },
  )
  const types = found.map(({ event }) => event?.type ?? '').filter((type) => told.includes(type))
  expect(types).toEqual(told.toReversed())
})

test('every part of the overview is known while everything runs', async () => {
  type Parts = Readonly<Record<string, { readonly reading?: { readonly unknown: boolean } }>>
  const parts = await until(
    async () => {
      const { at, ...overview } = await ask(system, { path: '/v1/admin/overview', token: admin })
      const all = overview as Parts
      return Object.values(all).every(({ reading }) => reading?.unknown === false) ? all : undefined
    },
    { timeoutMs: PATIENCE_MS, what: 'every part known' },
  )
  expect(Object.keys(parts).toSorted()).toEqual([
    'alerts',
    'consumers',
    'documents',
    'edges',
    'log',
    'notifications',
    'numbers',
    'trips',
  ])
  expect(parts.alerts).toMatchObject({ active: 1 })
  expect(parts.edges).toMatchObject({ edges: [{ edgeId: 'edge-1' }, { edgeId: 'edge-2' }] })
})

test('only operations see any of it', async () => {
  const rider = await signIn(system, 'someone', 'passenger')
  for (const path of ['/v1/admin/events', '/v1/admin/events:search', '/v1/admin/overview'])
    expect((await rest(system, { path, token: rider })).status).toBe(403)
})
