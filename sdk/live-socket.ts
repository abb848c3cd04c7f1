/** One WebSocket from its opening to its end: welcome, frames, heartbeats. */
import { byteLength, type FrameCodec } from './codec.ts'
import { HushrydError } from './error.ts'
import type { ClientFrame, ServerFrame, WelcomeFrame } from './generated/types.ts'
import type { Runtime, Timer, WebSocketLike } from './runtime.ts'

/** Of the edge; a larger frame would close the socket. */
export const FRAME_BYTES_MAX = 64 * 1024

/** What no close frame says: the network went away, or the other side fell silent. */
export const CLOSED_WITHOUT_CODE = 1006

const OPEN = 1
/** Until the edge has said otherwise. */
const HEARTBEAT_MS = 30_000

export interface SocketEvents {
  onWelcome(welcome: WelcomeFrame): void
  onFrame(frame: ServerFrame): void
  /** Once, however it ended; never after `close`. */
  onClosed(code: number): void
}

export interface LiveSocketOptions {
  readonly runtime: Runtime
  readonly codec: FrameCodec
  readonly url: string
  readonly events: SocketEvents
}

export class LiveSocket {
  readonly #runtime: Runtime
  readonly #codec: FrameCodec
  readonly #events: SocketEvents
  readonly #socket: WebSocketLike
  #isOver = false
  #isWelcome = false
  #heartbeatMs = HEARTBEAT_MS
  #sentAtMs: number
  #receivedAtMs: number
  #beat: Timer | undefined

  constructor({ runtime, codec, url, events }: LiveSocketOptions) {
    this.#runtime = runtime
    this.#codec = codec
    this.#events = events
    this.#sentAtMs = runtime.nowMs()
    this.#receivedAtMs = this.#sentAtMs
    const socket = runtime.openSocket(url, [codec.subprotocol])
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => this.#receive(data))
    // An error says nothing that the close after it does not.
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code }) => this.#end(code ?? CLOSED_WITHOUT_CODE))
  }

  /** Frames may be sent. */
  get isOpen(): boolean {
    return this.#isWelcome && !this.#isOver && this.#socket.readyState === OPEN
  }

  /** False where it was not sent. Throws where the edge would close the socket for the frame's size. */
  send(frame: ClientFrame): boolean {
    if (!this.isOpen) return false
    const data = this.#codec.encode(frame)
    if (byteLength(data) > FRAME_BYTES_MAX) {
      throw new HushrydError(`A frame has at most ${FRAME_BYTES_MAX} bytes.`, {
        code: 'RESOURCE_EXHAUSTED',
        reason: 'TOO_LARGE',
      })
    }
    this.#socket.send(data)
    this.#sentAtMs = this.#runtime.nowMs()
    return true
  }

  close(): void {
    if (!this.#stop()) return
    this.#socket.close(1000)
  }

  #receive(data: unknown): void {
    if (this.#isOver) return
    this.#receivedAtMs = this.#runtime.nowMs()
    let frame: ServerFrame
    try {
      frame = this.#codec.decode(data)
    } catch {
      // Whatever sent this does not speak the protocol; another socket may reach someone who does.
      this.#drop()
      return
    }
    if (frame.welcome === undefined) {
      this.#events.onFrame(frame)
      return
    }
    this.#isWelcome = true
    if (frame.welcome.heartbeatMs > 0) this.#heartbeatMs = frame.welcome.heartbeatMs
    this.#beatAfter(this.#heartbeatMs)
    this.#events.onWelcome(frame.welcome)
  }

  #beatAfter(delayMs: number): void {
    this.#beat?.cancel()
    this.#beat = this.#runtime.setTimer(() => this.#onBeat(), delayMs)
  }

  /** Pings also where only the other direction is quiet: positions alone are never answered. */
  #onBeat(): void {
    const nowMs = this.#runtime.nowMs()
    if (nowMs - this.#receivedAtMs >= 2 * this.#heartbeatMs) {
      this.#drop()
      return
    }
    const quietMs = nowMs - Math.min(this.#sentAtMs, this.#receivedAtMs)
    if (quietMs < this.#heartbeatMs) {
      this.#beatAfter(this.#heartbeatMs - quietMs)
      return
    }
    this.send({ ping: {} })
    this.#beatAfter(this.#heartbeatMs)
  }

  /** Closes without waiting for the other side, which may be gone. */
  #drop(): void {
    this.#end(CLOSED_WITHOUT_CODE)
    this.#socket.close()
  }

  #end(code: number): void {
    if (this.#stop()) this.#events.onClosed(code)
  }

  #stop(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#beat?.cancel()
    return true
  }
}
