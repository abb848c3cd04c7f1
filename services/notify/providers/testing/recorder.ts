/** An HTTP server in front of another that keeps what passes. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Passage {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly answer: { readonly status: number; readonly body: string }
}

export interface Recorder extends AsyncDisposable {
  readonly url: string
  readonly passages: readonly Passage[]
}

export async function startRecorder(target: string): Promise<Recorder> {
  const passages: Passage[] = []
  const server = createServer(async (incoming, response) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>)).toString('utf8')
    const headers = Object.fromEntries(
      Object.entries(incoming.headers)
        .filter(([name]) => !['connection', 'content-length', 'host', 'transfer-encoding'].includes(name))
        .map(([name, value]) => [name, String(value)]),
    )
    const { method = '', url: path = '' } = incoming
    const answer = await fetch(target + path, { method, headers, body })
    const text = await answer.text()
    passages.push({ method, path, headers, body, answer: { status: answer.status, body: text } })
    const kept = ['content-type', 'x-message-id'].flatMap((name) => {
      const value = answer.headers.get(name)
      return value === null ? [] : [[name, value] as const]
    })
    response.writeHead(answer.status, Object.fromEntries(kept)).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passages,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
