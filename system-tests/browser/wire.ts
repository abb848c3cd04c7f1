/**
 * The wire between a page and its edge, which a test can cut, and on which it
 * can let single streams fail as an edge does whose service is away.
 */
import type { Page, WebSocketRoute } from 'playwright-core'

interface ClientFrame {
  readonly id?: string
  readonly call?: { readonly method: string }
}

/** Of RFC 6455: come back later. */
const GOING_AWAY = 1001

export class Wire {
  /** Both ends of each socket. */
  readonly #open = new Set<WebSocketRoute>()
  /** Running calls of each method, by the socket that they run on. */
  readonly #calls = new Map<string, { readonly id: string; readonly socket: WebSocketRoute }[]>()
  #isCut = false
  #awayMethod: string | undefined

  /** Before the page is opened. */
  async lay(page: Page): Promise<void> {
    await page.routeWebSocket(/\/v1\/ws/, (socket) => this.#connect(socket))
  }

  async cut(): Promise<void> {
    this.#isCut = true
    await Promise.all([...this.#open].map((end) => end.close({ code: GOING_AWAY })))
    this.#open.clear()
  }

  mend(): void {
    this.#isCut = false
  }

  /** What runs of the method ends, and what is called anew is refused, until `bringBack`. */
  takeAway(method: string): void {
    this.#awayMethod = method
    for (const { id, socket } of this.#calls.get(method) ?? []) refuse(socket, id)
  }

  bringBack(): void {
    this.#awayMethod = undefined
  }

  #connect(socket: WebSocketRoute): void {
    if (this.#isCut) {
      void socket.close({ code: GOING_AWAY })
      return
    }
    const server = socket.connectToServer()
    this.#open.add(socket).add(server)
    socket.onMessage((message) => {
      const { id, call } = JSON.parse(String(message)) as ClientFrame
      if (id !== undefined && call !== undefined) {
        if (call.method === this.#awayMethod) {
          refuse(socket, id)
          return
        }
        this.#calls.set(call.method, [...(this.#calls.get(call.method) ?? []), { id, socket }])
      }
      server.send(message)
    })
  }
}

function refuse(socket: WebSocketRoute, id: string): void {
  const error = {
    code: 'UNAVAILABLE',
    message: 'The service is away.',
    reason: 'UNAVAILABLE',
    retryAfterMs: 0,
  }
  socket.send(JSON.stringify({ id, error }))
}
