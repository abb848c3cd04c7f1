/** HTTP answers on a raw socket, for requests that ask to be upgraded and are not. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/** Who does not take a refusal in this time is cut off. */
const ANSWER_MS_MAX = 2_000

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function destroySocket(this: Socket): void {
  this.destroy()
}

/** Writes the answer and ends the connection. */
export function answerRaw(socket: Socket, { status, headers, body }: RawAnswer): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`]
  const all = { ...headers, connection: 'close', 'content-length': String(Buffer.byteLength(body)) }
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`)
  socket.setTimeout(ANSWER_MS_MAX, destroySocket)
  socket.once('finish', destroySocket)
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
