import { expect, test } from 'vitest'
import { type RiderOnTrip, Riders } from './riders.ts'
import { startTestAlerts } from './test-alert.ts'

const LEGS = { stream: 'DONE', database: 'DONE', admin: 'DONE', contacts: 'DONE' }

async function start() {
  const raised: unknown[] = []
  const contacts = new Map<string, readonly object[]>()
  const riders = new Riders()
  const alerts = await startTestAlerts({
    host: '127.0.0.1',
    port: 0,
    edgeUrls: ['http://127.0.0.1:8080'],
    riders,
    backend: { putContacts: async (userId, list) => void contacts.set(userId, list) },
  })
  const app = {
    raiseSos(request: object) {
      raised.push(request)
      return { alertId: 'a1', received: Promise.resolve({ legs: LEGS }) }
    },
  }
  return {
    alerts,
    raised,
    contacts,
    /** Of the app only what is used of it. */
    board: () =>
      riders.board({
        riderId: 'rider-1',
        tripId: 'trip-1',
        app: app as unknown as RiderOnTrip['app'],
        place: () => ({ lat: 37.7, lng: -122.4 }),
      }),
    post: (headers: Record<string, string> = {}) => fetch(`${alerts.url}/alert`, { method: 'POST', headers }),
    [Symbol.asyncDispose]: () => alerts[Symbol.asyncDispose](),
  }
}

test('a rider on a trip raises an alert, with contacts to tell', async () => {
  await using demo = await start()
  demo.board()
  const answer = await demo.post()
  expect([answer.status, await answer.json()]).toEqual([
    200,
    { alertId: 'a1', tripId: 'trip-1', userId: 'rider-1', legs: LEGS },
  ])
  expect(demo.raised).toEqual([{ tripId: 'trip-1', location: { lat: 37.7, lng: -122.4, accuracy: 5 } }])
  expect(demo.contacts.get('rider-1')).toHaveLength(2)
})

test('while nobody is on a trip it says so', async () => {
  await using demo = await start()
  const leave = demo.board()
  leave()
  expect((await demo.post()).status).toBe(503)
  expect(demo.raised).toEqual([])
})

test('the pages of the edges may ask, another page may not', async () => {
  await using demo = await start()
  demo.board()
  for (const origin of ['http://localhost:8080', demo.alerts.url]) {
    const answer = await demo.post({ origin })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin])
  }
  for (const origin of ['http://localhost:3000', 'https://evil.example', 'null'])
    expect((await demo.post({ origin })).status).toBe(403)
  expect(demo.raised).toHaveLength(2)
})
