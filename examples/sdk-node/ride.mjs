// A ride in one process: a driver reports, a rider follows, the connection is lost on the way.
// npm start -- --no-demo, then: npm run build --workspace sdk && node examples/sdk-node/ride.mjs
// HUSHRYD_SERVICE_KEY (printed by `npm start`) plays HushRyd's backend, which signs people in.
import { createClient } from '@hushryd/sdk'
import { WebSocket } from 'ws'

const endpoints = ['http://localhost:8080', 'http://localhost:8081']
const tripId = `ride-${Date.now()}`

async function backend(method, path, body) {
  const response = await fetch(endpoints[0] + path, {
    method,
    headers: {
      authorization: `Bearer ${process.env.HUSHRYD_SERVICE_KEY}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

function appOf(userId, role) {
  const token = async () =>
    (await backend('POST', '/v1/sessions', { userId, role, deviceId: 'example' })).token
  // From Node 22 on the global WebSocket does.
  const webSocket = (url, protocols) => new WebSocket(url, protocols)
  const client = createClient({ endpoints, token, webSocket })
  client.on('state', ({ state, error }) => console.log(userId, 'is', state, error?.message ?? ''))
  return client
}

const trip = { driverId: 'asha', passengerIds: ['ravi'] }
await backend('PUT', `/v1/trips/${tripId}`, { ...trip, status: 'ACTIVE' })
const driver = appOf('asha', 'driver')
const rider = appOf('ravi', 'passenger')
driver.on('buffer', ({ waiting, dropped }) => console.log(`${waiting} positions wait, ${dropped} dropped`))
rider.connect()
driver.connect()

const over = new Promise((resolve) => {
  rider.followTrip(tripId, {
    onPosition: ({ lat, lng, timestampMs }) => console.log(lat, lng, `${Date.now() - timestampMs} ms ago`),
    onEnd: resolve,
  })
})

for (let second = 0; second < 10; second += 1) {
  // Through a tunnel: positions wait, and are sent when the driver is back.
  if (second === 3) driver.close()
  if (second === 7) driver.connect()
  driver.reportPosition(tripId, { lat: 17.4 + second * 1e-4, lng: 78.5 })
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}
const { updates } = await rider.call.location.getTrail({ tripId })
console.log(`the trail has ${updates.length} positions`)

await backend('PUT', `/v1/trips/${tripId}`, { ...trip, status: 'COMPLETED' })
console.log('the trip was', (await over).reason)
driver.close()
rider.close()
