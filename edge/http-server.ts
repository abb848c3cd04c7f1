/** The public port: WebSocket upgrades to one handler, every other request to another. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  /** Several processes listen on the port, and the kernel spreads connections over them. */
  readonly reusePort: boolean
  readonly onRequest: RequestListener
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

export interface HttpServer {
  readonly port: number
  /** Answers under way have the grace to finish; sockets that were upgraded are not waited for. */
  close(graceMs: number): Promise<void>
}

const HEADER_BYTES_MAX = 16 * 1024
/** Someone who sends a request slowly holds a connection, so the time for it is short. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** Longer than a gateway's own idle time, so that it never writes into a connection that closes here. */
const KEEP_ALIVE_MS = 65_000
/** Apps that come back all at once wait in the kernel, up to its net.core.somaxconn. */
const BACKLOG = 4_096
/** Bytes that a socket takes before it counts as backed up: some hundred positions. */
const WRITE_MARK_BYTES = 16 * 1024

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, reusePort, onRequest, onUpgrade } = options
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      highWaterMark: WRITE_MARK_BYTES,
      // Offers of HTTP/2 (h2c) are ignored, as RFC 9110 allows, and the request is an ordinary one.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    onRequest,
  )
  server.on('upgrade', onUpgrade)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG, reusePort }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    // A TCP server that listens has an AddressInfo.
    port: (server.address() as AddressInfo).port,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}
