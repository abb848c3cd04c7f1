// A rider's app in 20 lines: node examples/follow-a-trip.mjs TRIP_ID [EDGE_URL]
// HUSHRYD_SERVICE_KEY (printed by `npm start`) plays HushRyd's backend, which signs people in.
import { WebSocket } from 'ws'

const [tripId, edge = 'http://localhost:8080'] = process.argv.slice(2)
const session = await fetch(`${edge}/v1/sessions`, {
  method: 'POST',
  headers: { authorization: `Bearer ${process.env.HUSHRYD_SERVICE_KEY}`, 'content-type': 'application/json' },
  body: JSON.stringify({ userId: 'ops-asha', role: 'admin', deviceId: 'example' }),
}).then((response) => response.json())

const socket = new WebSocket(`${edge.replace('http', 'ws')}/v1/ws`, 'hushryd.v1.json', {
  headers: { authorization: `Bearer ${session.token}` },
})
socket.on('open', () =>
  socket.send(JSON.stringify({ id: '1', join: { tripId, sinceMs: Date.now() - 60_000 } })),
)
socket.on('message', (data) => {
  const { joined, trip, event, error } = JSON.parse(data)
  if (joined) console.log(`joined, ${joined.missed.length} positions of the last minute`)
  for (const at of trip?.updates ?? []) console.log(at.lat, at.lng, `${Date.now() - at.timestampMs} ms ago`)
  if (event) console.log('event', event.type)
  if (error) console.error(error.code, error.message)
})
