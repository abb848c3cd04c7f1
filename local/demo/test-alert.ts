/**
 * A rider of the demo presses the button: `POST /alert`, from a terminal, from
 * this server's own page, or from the pages of the edges. What follows is real:
 * the alert goes by the rider's own socket, its messages to the sandbox.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Backend } from './backend.ts'
import type { Riders } from './riders.ts'

export interface TestAlertOptions {
  readonly host: string
  readonly port: number
  /** Whose pages may ask, beside this server's own. */
  readonly edgeUrls: readonly string[]
  readonly riders: Riders
  readonly backend: Pick<Backend, 'putContacts'>
}

export interface TestAlerts extends AsyncDisposable {
  readonly url: string
}

/** Nobody's numbers: they exist in the sandbox alone. */
const CONTACTS = [
  {
    name: 'Demo mother',
    phone: '+919800000011',
    email: 'mother@demo.example',
    relation: 'mother',
    voiceCall: true,
  },
  { name: 'Demo friend', phone: '+919800000012', email: 'friend@demo.example', relation: 'friend' },
]
const ANSWER_MS = 10_000
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Test alert</title>
<style>body{font:16px/1.5 system-ui;margin:3rem auto;max-width:34rem}button{font:inherit;padding:.6rem 1rem}</style>
<h1>Raise a test alert</h1>
<p>A rider of the demo asks for help: operations see it, and the messages are in the provider sandbox.</p>
<button type="button">Raise it</button><pre aria-live="polite"></pre>
<script>document.querySelector('button').onclick = async () => {
const answer = await fetch('/alert', { method: 'POST' })
document.querySelector('pre').textContent = await answer.text() }</script></html>`

interface Reply {
  readonly status: number
  readonly body: string
  readonly isPage?: boolean
}

export async function startTestAlerts(options: TestAlertOptions): Promise<TestAlerts> {
  const { host, port, edgeUrls, riders, backend } = options
  const pagePorts = new Set(edgeUrls.map((url) => new URL(url).port))

  async function raise(): Promise<Reply> {
    const rider = riders.pick(Math.random)
    if (rider === undefined)
      return json(503, { error: 'Nobody is on a trip yet; try again in a few seconds.' })
    const { riderId, tripId, app, place } = rider
    await backend.putContacts(riderId, CONTACTS)
    const alert = app.raiseSos({ tripId, location: { ...place(), accuracy: 5 } })
    const answer = await Promise.race([alert.received, lateAfter(ANSWER_MS)])
    const { alertId } = alert
    return json(200, { alertId, tripId, userId: riderId, legs: answer?.legs ?? 'no answer yet' })
  }

  async function reply({ method, url }: IncomingMessage): Promise<Reply> {
    if (url === '/' && method === 'GET') return { status: 200, body: PAGE, isPage: true }
    if (url !== '/alert') return json(404, { error: 'POST /alert raises a test alert.' })
    if (method !== 'POST') return json(405, { error: 'POST raises a test alert.' })
    return await raise().catch((error: unknown) => json(503, { error: String(error) }))
  }

  const server = createServer((request, response) => {
    const { origin } = request.headers
    // Any page of the web can post to this machine.
    const isForeign = origin !== undefined && !isLocalPage(origin, pagePorts)
    const answer = isForeign ? Promise.resolve(json(403, { error: 'A foreign page.' })) : reply(request)
    void answer.then((ready) => send(response, ready, isForeign ? undefined : origin))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  pagePorts.add(String(bound))
  return {
    url: `http://${host}:${bound}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function isLocalPage(origin: string, ports: ReadonlySet<string>): boolean {
  // Some pages have the origin `null`, which is no address.
  const { hostname, port } = URL.parse(origin) ?? { hostname: '', port: '' }
  return (hostname === 'localhost' || hostname === '127.0.0.1') && ports.has(port)
}

function json(status: number, body: object): Reply {
  return { status, body: `${JSON.stringify(body, undefined, 2)}\n` }
}

function send(response: ServerResponse, { status, body, isPage = false }: Reply, origin: string | undefined) {
  response
    .writeHead(status, {
      'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
      'cache-control': 'no-store',
      vary: 'Origin',
      ...(origin === undefined ? {} : { 'access-control-allow-origin': origin }),
    })
    .end(body)
}

/** The alert itself is never given up; only this answer is. */
async function lateAfter(ms: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref())
  return undefined
}
