/** The operations port: /metrics for Prometheus, /healthz and /readyz for the orchestrator. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'

export interface OpsServerOptions {
  readonly host: string
  readonly port: number
  readonly metrics: Metrics
  /** Each dependency's state; anything but 'ok' says what is wrong, and the process is not ready. */
  readonly ready: () => Promise<Readonly<Record<string, string>>>
  /** What /readyz shows besides, without deciding by it: parts whose absence the process works around. */
  readonly details?: () => Promise<Readonly<Record<string, string>>>
}

export interface OpsServer extends AsyncDisposable {
  readonly port: number
}

/** Below the orchestrator's probe timeout; a check that hangs is a failed one. */
const READY_TIMEOUT_MS = 2000

async function readyWithin(ready: OpsServerOptions['ready']): Promise<Readonly<Record<string, string>>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Readonly<Record<string, string>>>((resolve) => {
    timer = setTimeout(
      () => resolve({ readiness: `no answer within ${READY_TIMEOUT_MS} ms` }),
      READY_TIMEOUT_MS,
    )
  })
  try {
    return await Promise.race([ready(), late])
  } catch (error) {
    return { readiness: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const { host, port, metrics, ready, details } = options
  async function handle(path: string | undefined, response: ServerResponse): Promise<void> {
    if (path === '/metrics') {
      answer(response, 200, metrics.registry.contentType, await metrics.render())
    } else if (path === '/healthz') {
      answer(response, 200, 'application/json', '{"status":"ok"}')
    } else if (path === '/readyz') {
      const [checks, seen] = await Promise.all([readyWithin(ready), details && readyWithin(details)])
      const isReady = Object.values(checks).every((state) => state === 'ok')
      answer(
        response,
        isReady ? 200 : 503,
        'application/json',
        JSON.stringify({ ready: isReady, checks, details: seen }),
      )
    } else {
      answer(response, 404, 'application/json', '{"status":"no such path"}')
    }
  }

  const server = createServer((request, response) => {
    handle(request.url?.split('?')[0], response).catch((error: Error) => response.destroy(error))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host, port }, resolve)
  })
  return {
    // A TCP server that listens has an AddressInfo.
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
