/** A process that answers every gRPC call as a check wants it to, and counts what reaches it. */
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { HOST } from '@hushryd/local/ports.ts'

export type Answer = 'OK' | 'UNAVAILABLE' | 'never'

export interface Stub extends AsyncDisposable {
  answer: Answer
  /** Paths of the calls, oldest first, with the partition that they named. */
  readonly calls: { readonly path: string; readonly partition: string | undefined }[]
}

const GRPC_STATUS = { OK: '0', UNAVAILABLE: '14' } as const
/** An empty message. */
const EMPTY = Buffer.alloc(5)
/** More than any check asks for at once. */
const STREAMS_MAX = 10_000

function reply(stream: ServerHttp2Stream, answer: Answer): void {
  const type = { ':status': 200, 'content-type': 'application/grpc' }
  if (answer === 'never') return
  if (answer === 'UNAVAILABLE') {
    stream.respond({ ...type, 'grpc-status': GRPC_STATUS.UNAVAILABLE }, { endStream: true })
    return
  }
  stream.respond(type, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': GRPC_STATUS.OK }))
  stream.end(EMPTY)
}

export async function startStub(port: number): Promise<Stub> {
  const sessions = new Set<{ destroy(): void }>()
  const server: Http2Server = createServer({ settings: { maxConcurrentStreams: STREAMS_MAX } })
  const stub: Stub = {
    answer: 'OK',
    calls: [],
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => undefined).on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // A caller that gives up resets its stream.
    stream.on('error', () => undefined).resume()
    const partition = headers['x-hushryd-partition']
    stub.calls.push({
      path: headers[':path'] ?? '',
      partition: Array.isArray(partition) ? partition[0] : partition,
    })
    reply(stream, stub.answer)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, HOST, resolve)
  })
  return stub
}
