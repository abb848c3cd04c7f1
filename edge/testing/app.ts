/** An app as the tests need it: a WebSocket whose frames are awaited one by one. */
import { ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { WebSocket } from 'ws'

/** A frame of the JSON subprotocol. */
export type Frame = Record<string, unknown> & { readonly id?: string }

const TIMEOUT_MS = 5_000

export interface AppOptions {
  readonly url: string
  readonly token?: string
  readonly protocols?: readonly string[]
  readonly headers?: Record<string, string>
}

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** Someone waits for a frame. */
interface Waiter {
  readonly matches: (frame: Frame) => boolean
  readonly resolve: (frame: Frame) => void
}

export class App implements Disposable {
  readonly ws: WebSocket
  /** Frames that nobody has taken. */
  readonly frames: Frame[] = []
  readonly closed: Promise<Closed>
  #waiters: Waiter[] = []

  constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('message', (data: Buffer, isBinary) => {
      const frame = isBinary ? binaryFrame(data) : (JSON.parse(String(data)) as Frame)
      const waiter = this.#waiters.find(({ matches }) => matches(frame))
      if (waiter === undefined) {
        this.frames.push(frame)
        return
      }
      this.#waiters = this.#waiters.filter((other) => other !== waiter)
      waiter.resolve(frame)
    })
    ws.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  send(frame: object): void {
    this.ws.send(JSON.stringify(frame))
  }

  /** The next frame that fits, taken out of those that came. */
  async next(matches: (frame: Frame) => boolean, timeoutMs = TIMEOUT_MS): Promise<Frame> {
    const index = this.frames.findIndex(matches)
    const [found] = index === -1 ? [] : this.frames.splice(index, 1)
    if (found !== undefined) return found
    let timer: NodeJS.Timeout | undefined
    const frame = new Promise<Frame>((resolve) => this.#waiters.push({ matches, resolve }))
    if (timeoutMs === Number.POSITIVE_INFINITY) return await frame
    const late = new Promise<never>((_resolve, reject) => {
      const seen = JSON.stringify(this.frames).slice(0, 500)
      timer = setTimeout(() => reject(new Error(`no such frame came; others: ${seen}`)), timeoutMs)
    })
    try {
      return await Promise.race([frame, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async answer(id: string): Promise<Frame> {
    return await this.next((frame) => frame.id === id)
  }

  async kind(kind: string): Promise<Frame> {
    return await this.next((frame) => kind in frame)
  }

  [Symbol.dispose](): void {
    this.ws.terminate()
  }
}

/** As JSON would show it, as far as tests look. */
function binaryFrame(data: Buffer): Frame {
  const { id, frame } = ServerFrame.decode(data)
  return { ...(id === '' ? {} : { id }), ...(frame === undefined ? {} : { [frame.$case]: frame.value }) }
}

function newSocket({ url, token, protocols = ['hushryd.v1.json'], headers = {} }: AppOptions): WebSocket {
  return new WebSocket(url, [...protocols], {
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    perMessageDeflate: false,
  })
}

/** Open, and welcomed. */
export async function openApp(options: AppOptions): Promise<App & { readonly welcome: Frame }> {
  const app = new App(newSocket(options))
  const refused = app.closed.then(() => {
    throw new Error('the socket was closed before its welcome')
  })
  const welcome = await Promise.race([app.kind('welcome'), refused])
  return Object.assign(app, { welcome: welcome.welcome as Frame })
}

export interface Refusal {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly contentType: string | undefined
  readonly problem: { readonly code: string; readonly reason: string; readonly detail: string }
}

/** The HTTP answer of an upgrade that is refused. */
export async function refusalOf(options: AppOptions): Promise<Refusal> {
  const ws = newSocket(options)
  ws.on('error', () => undefined)
  return await new Promise((resolve, reject) => {
    ws.on('open', () => {
      ws.terminate()
      reject(new Error('the socket was opened'))
    })
    ws.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          contentType: response.headers['content-type'],
          problem: JSON.parse(String(Buffer.concat(chunks))),
        }),
      )
    })
  })
}
