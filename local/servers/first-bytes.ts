/** What a server at a local port says first, or after a request: enough for readiness probes. */
import { connect } from 'node:net'
import { HOST } from '../ports.ts'

/** Resolves with everything received once `isWhole` accepts it; rejects when the connection ends before. */
export async function firstBytes(
  port: number,
  {
    request,
    isWhole,
    signal,
  }: { request?: string | Buffer; isWhole: (text: string) => boolean; signal: AbortSignal },
): Promise<string> {
  const socket = connect({ port, host: HOST, signal })
  try {
    if (request !== undefined) socket.write(request)
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) {
      text += String(chunk)
      if (isWhole(text)) return text
    }
    throw new Error('the connection ended too early')
  } finally {
    socket.destroy()
  }
}
