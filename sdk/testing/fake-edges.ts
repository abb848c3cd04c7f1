/**
 * A small HushRyd on the other end of a fake network: edges that give tickets,
 * welcome, join, take positions and alerts, and fail as they are told to.
 */
import type { ClientFrame, Position, ServerFrame } from '../generated/types.ts'
import type { FetchRequest, FetchResponse, Runtime } from '../runtime.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeDocuments } from './fake-documents.ts'
import { FakeSocket } from './fake-socket.ts'

/** What happens to one request or to one alert over a socket. */
export type Fault =
  | 'none'
  /** It never arrives, and nothing comes back. */
  | 'lost'
  /** It arrives; its answer does not. */
  | 'answer lost'
  /** The edge answers that it cannot. */
  | 'unavailable'
  /** The network is known to be gone. */
  | 'unreachable'

/** Frames as JSON has them, which types make optional in one direction or the other. */
export type Frame = Partial<Omit<ServerFrame, 'id'>> & { readonly id?: string }

export class FakeEdges {
  readonly clock = new FakeClock()
  readonly documents = new FakeDocuments()
  readonly sockets: FakeSocket[] = []
  /** Of REST requests, in order. */
  readonly requests: string[] = []
  readonly token = { valid: 'token-1', asked: 0 }
  /** How often each alert arrived. */
  readonly alerts = new Map<string, number>()
  readonly cancelled: string[] = []
  readonly positions = new Map<string, number>()
  /** Trips as the location service has them, oldest first. */
  readonly trails = new Map<string, Position[]>()
  /** For the alerts to come, then none. */
  readonly faults: Fault[] = []
  readonly down = new Set<string>()
  /** Nothing is answered. A socket that lost a frame this way is half-open: it stays dead. */
  isSilent = false
  readonly #halfOpen = new Set<FakeSocket>()
  /** What an edge answers instead of giving a ticket. */
  ticketAnswer: { readonly status: number; readonly body: object; readonly retryAfterS?: number } | undefined
  /** What an edge says to positions; all taken where it is left out. */
  judge: ((frame: ClientFrame) => Frame | undefined) | undefined
  random = (): number => 0.5

  get runtime(): Runtime {
    return {
      nowMs: () => this.clock.nowMs(),
      setTimer: (onDue, delayMs) => this.clock.setTimer(onDue, delayMs),
      random: () => this.random(),
      randomBytes: (length) => Uint8Array.from({ length }, () => Math.floor(Math.random() * 256)),
      fetch: (url, request) => this.#fetch(url, request),
      openSocket: (url) => this.#openSocket(url),
      files: {
        digest: undefined,
        read: async (uri) => new TextEncoder().encode(uri).buffer,
        send: (request) => this.documents.send(request),
      },
    }
  }

  silence(): void {
    this.isSilent = true
  }

  speak(): void {
    this.isSilent = false
  }

  /** The socket opened last. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('no socket was opened')
    return socket
  }

  #openSocket(url: string): FakeSocket {
    const socket = new FakeSocket(url, (frame) => this.#receive(socket, frame))
    this.sockets.push(socket)
    queueMicrotask(() => {
      if (this.down.has(hostOf(url))) socket.drop(1006)
      else if (!this.isSilent) socket.welcome(this.clock.nowMs())
    })
    return socket
  }

  #receive(socket: FakeSocket, frame: ClientFrame): void {
    if (this.isSilent || this.down.has(hostOf(socket.url))) this.#halfOpen.add(socket)
    if (this.#halfOpen.has(socket)) return
    const { id = '', join, location, locations, call, ping } = frame
    if (ping !== undefined) socket.receive({ id, pong: {} })
    else if (join !== undefined)
      socket.receive({ id, joined: this.#joined(join.tripId ?? '', join.sinceMs ?? 0) })
    else if (location !== undefined || locations !== undefined) this.#take(socket, frame)
    else if (call?.method?.startsWith('hushryd.sos.') === true)
      this.#call(socket, id, call.method, call.request)
  }

  #joined(tripId: string, sinceMs: number) {
    const trail = this.trails.get(tripId) ?? []
    const missed = sinceMs === 0 ? [] : trail.filter(({ timestampMs }) => timestampMs > sinceMs)
    const latest = trail.at(-1)
    return { tripId, missed, complete: true, ...(latest === undefined ? {} : { latest }) }
  }

  #take(socket: FakeSocket, frame: ClientFrame): void {
    const answer = this.judge?.(frame)
    if (answer !== undefined) {
      socket.receive(answer)
      return
    }
    const updates = frame.locations?.updates ?? (frame.location === undefined ? [] : [frame.location])
    for (const { tripId, timestampMs } of updates) {
      const key = `${tripId}@${timestampMs}`
      this.positions.set(key, (this.positions.get(key) ?? 0) + 1)
    }
    if (frame.locations !== undefined) {
      socket.receive({ id: frame.id ?? '', accepted: { accepted: updates.length, rejected: [] } })
    }
  }

  #call(socket: FakeSocket, id: string, method: string, request: unknown): void {
    const fault = this.faults.shift() ?? 'none'
    if (fault === 'lost') return
    if (fault === 'unreachable') socket.drop(1006)
    else if (fault === 'unavailable') {
      socket.receive({
        id,
        error: { code: 'UNAVAILABLE', reason: 'UNAVAILABLE', message: '', retryAfterMs: 0, violations: [] },
      })
    } else {
      const result = this.#alert(method.endsWith('CancelAlert'), request as AlertRequest)
      if (fault === 'none') socket.receive({ id, result })
    }
  }

  /** Over a socket the whole response. */
  #alert(isCancel: boolean, { alertId, pin }: AlertRequest): object {
    if (isCancel) {
      this.cancelled.push(`${alertId} ${pin}`)
      return { alert: { alertId, status: 'CANCELLED' } }
    }
    this.alerts.set(alertId, (this.alerts.get(alertId) ?? 0) + 1)
    return { alertId, status: 'ACTIVE', triggeredAt: this.clock.nowMs() }
  }

  async #fetch(url: string, request: FetchRequest): Promise<FetchResponse> {
    const { host, pathname } = new URL(url)
    this.requests.push(`${request.method} ${host}${pathname}`)
    if (this.down.has(host)) throw new TypeError('fetch failed')
    if (this.isSilent) return new Promise(() => {})
    if (request.headers.authorization !== `Bearer ${this.token.valid}`) {
      return answer(401, { code: 'UNAUTHENTICATED', reason: 'SESSION_ENDED', detail: 'over' })
    }
    if (pathname === '/v1/ws-tickets') {
      if (this.ticketAnswer === undefined) return answer(200, { ticket: 'a ticket', expiresAt: 0 })
      return answer(this.ticketAnswer.status, this.ticketAnswer.body, this.ticketAnswer.retryAfterS)
    }
    if (pathname.startsWith('/v1/documents'))
      return this.documents.fetch(request.method, pathname, request.body)
    if (pathname.startsWith('/v1/sos')) return this.#fetchAlert(pathname, request)
    return answer(200, { from: pathname })
  }

  async #fetchAlert(pathname: string, request: FetchRequest): Promise<FetchResponse> {
    const fault = this.faults.shift() ?? 'none'
    if (fault === 'unreachable') throw new TypeError('fetch failed')
    if (fault === 'lost') return new Promise(() => {})
    if (fault === 'unavailable') return answer(503, { code: 'UNAVAILABLE', reason: 'UNAVAILABLE' })
    const body = JSON.parse(request.body ?? '{}')
    const [, alertId] = /^\/v1\/sos\/(.+):cancel$/.exec(pathname) ?? []
    const response = this.#alert(alertId !== undefined, { ...body, alertId: alertId ?? body.alertId })
    if (fault === 'answer lost') return new Promise(() => {})
    // Over REST an alert's methods answer with the alert itself.
    return answer(200, 'alert' in response ? (response.alert as object) : response)
  }
}

interface AlertRequest {
  readonly alertId: string
  readonly pin?: string
}

function hostOf(url: string): string {
  return new URL(url).host
}

function answer(status: number, body: object, retryAfterS?: number): FetchResponse {
  return {
    status,
    headers: {
      get: (name) => (name === 'retry-after' && retryAfterS !== undefined ? String(retryAfterS) : null),
    },
    text: async () => JSON.stringify(body),
  }
}
