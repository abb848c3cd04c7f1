import { WebSocket } from 'ws'

/** What an app sends and gets: the frames of the public contract, as JSON. */
export type Frame = Record<string, unknown> & { id?: string }

export interface AppSocket {
  /** False while there is no connection: the frame was not sent. */
  send(frame: Frame): boolean
  close(): void
}

/** First wait before a reconnect; doubles up to the longest, with full jitter so that apps never come back in step. */
const RECONNECT_FIRST_MS = 1_000
const RECONNECT_LONGEST_MS = 30_000

/**
 * A phone's connection as the demo needs it: opens, comes back by itself on the
 * next edge of the list, says when it is open and hands on every frame.
 */
export function openAppSocket(options: {
  edgeUrls: string[]
  token: string
  onOpen: (socket: AppSocket) => void
  onFrame: (frame: Frame) => void
}): AppSocket {
  let attempts = 0
  let closed = false
  let edge = 0
  let ws: WebSocket | undefined
  let timer: NodeJS.Timeout | undefined

  const socket: AppSocket = {
    send(frame) {
      if (ws?.readyState !== WebSocket.OPEN) return false
      ws.send(JSON.stringify(frame))
      return true
    },
    close() {
      closed = true
      clearTimeout(timer)
      ws?.close()
    },
  }

  function reconnect(): void {
    if (closed) return
    const longestMs = Math.min(RECONNECT_LONGEST_MS, RECONNECT_FIRST_MS * 2 ** attempts)
    attempts += 1
    edge += 1
    timer = setTimeout(connect, Math.random() * longestMs)
  }

  function connect(): void {
    const url = `${options.edgeUrls[edge % options.edgeUrls.length]}/v1/ws`.replace(/^http/, 'ws')
    const opened = new WebSocket(url, 'hushryd.v1.json', {
      headers: { authorization: `Bearer ${options.token}` },
      perMessageDeflate: false,
    })
    ws = opened
    opened.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.welcome !== undefined) {
        attempts = 0
        options.onOpen(socket)
      }
      options.onFrame(frame)
    })
    // A refused or broken connection is followed by `close`, which reconnects.
    opened.on('error', () => {})
    opened.on('close', () => {
      if (ws === opened) reconnect()
    })
  }

  connect()
  return socket
}
