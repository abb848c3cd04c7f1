// A static page without a bundler. Serve the repository's folder and let the edges know the page's origin:
//   npm run build --workspace sdk
//   EDGE_ORIGINS=http://localhost:3000 npm start
//   python3 -m http.server 3000     then http://localhost:3000/examples/sdk-browser/
// A token comes from HushRyd's backend: POST /v1/sessions, see the README.
import { createClient, storageSosStore } from '../../sdk/dist/browser.js'

const form = document.querySelector('#form')
const sos = document.querySelector('#sos')
let client

function log(text) {
  const line = document.createElement('li')
  line.textContent = text
  document.querySelector('#log').prepend(line)
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const { endpoints, token, trip } = Object.fromEntries(new FormData(form))
  client?.close()
  client = createClient({
    endpoints: endpoints.split(' '),
    token,
    protocol: 'json',
    sosStore: storageSosStore(localStorage),
  })
  client.on('state', ({ state, error }) => {
    document.querySelector('#state').textContent = `${state} ${error?.message ?? ''}`
  })
  client.followTrip(trip, {
    onJoined: ({ missed, isRejoin }) => log(`${isRejoin ? 'joined again' : 'joined'}, ${missed} missed`),
    onPosition: ({ lat, lng, timestampMs }) => log(`${lat}, ${lng}, ${Date.now() - timestampMs} ms ago`),
    onEnd: ({ reason, error }) => log(`over: ${reason} ${error?.message ?? ''}`),
  })
  client.connect()
  sos.disabled = false
  for (const alert of await client.resumeSos()) show(alert)
})

sos.addEventListener('click', () => show(client.raiseSos({ tripId: new FormData(form).get('trip') })))
window.addEventListener('online', () => client?.wake())

function show(alert) {
  alert.on('update', (update) =>
    log(`SOS ${update.event?.type ?? update.step} ${update.error?.message ?? ''}`),
  )
}
