/** A WebSocket of which the test is the other end. Speaks the JSON subprotocol. */
import type { ClientFrame } from '../generated/types.ts'
import type { SocketEvent, WebSocketLike } from '../runtime.ts'
import type { Frame } from './fake-edges.ts'

type Listener = (event: SocketEvent) => void

export class FakeSocket implements WebSocketLike {
  binaryType = 'blob'
  readyState = 0
  readonly url: string
  readonly sent: ClientFrame[] = []
  readonly #onFrame: (frame: ClientFrame) => void
  readonly #listeners = new Map<string, Listener[]>()

  constructor(url: string, onFrame: (frame: ClientFrame) => void) {
    this.url = url
    this.#onFrame = onFrame
  }

  get isClosed(): boolean {
    return this.readyState === 3
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  send(data: string | Uint8Array): void {
    if (this.readyState !== 1) throw new Error('the socket is not open')
    const frame: ClientFrame = JSON.parse(String(data))
    this.sent.push(frame)
    // An answer never comes before the sender goes on.
    queueMicrotask(() => {
      if (this.readyState === 1) this.#onFrame(frame)
    })
  }

  close(): void {
    this.drop(1000)
  }

  welcome(serverTimeMs: number): void {
    if (this.isClosed) return
    this.readyState = 1
    const welcome = {
      connectionId: 'C',
      userId: 'asha',
      role: 'driver',
      edgeId: 'edge-1',
      heartbeatMs: 30_000,
      serverTimeMs,
    }
    this.receive({ welcome })
  }

  /** The client gets the frame. */
  receive(frame: Frame): void {
    this.receiveText(JSON.stringify(frame))
  }

  receiveText(data: string): void {
    if (!this.isClosed) this.#emit('message', { type: 'message', data })
  }

  /** The connection ends. */
  drop(code: number): void {
    if (this.isClosed) return
    this.readyState = 3
    this.#emit('close', { type: 'close', code })
  }

  #emit(type: string, event: SocketEvent): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event)
  }
}
