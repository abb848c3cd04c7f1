/** The REST handler on a port of its own, with people whose tokens are their names. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { createMetrics, type Metrics } from '@hushryd/kernel/metrics.ts'
import { createMemoryLog, type MemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import type { CallBridge } from '../../bridge/call.ts'
import { createAuthenticator } from '../authenticate.ts'
import { createRestHandler, type RestOptions } from '../handler.ts'
import { createOpenStreams, type OpenStreams } from '../open-streams.ts'

export const SERVICE_KEY = 'service-key-of-the-tests'
export const PUBLIC_URL = 'https://edge.example.in'
const HOUR_MS = 3_600_000

/** `passenger`, `driver` and `admin` are signed in; so is `over`, whose session ends at once; `link` is a share link. */
const sessions = {
  async authenticate(token: string) {
    const role = token === 'over' ? 'driver' : token
    if (role !== 'passenger' && role !== 'driver' && role !== 'admin') {
      throw new DomainError(ErrorReason.ERROR_REASON_SESSION_ENDED, 'The session has ended.')
    }
    return {
      caller: {
        kind: 'user' as const,
        userId: token,
        role: role as 'passenger' | 'driver' | 'admin',
        deviceId: '',
      },
      sessionHash: `hash-of-${token}`,
      createdAtMs: 0,
      expiresAtMs: token === 'over' ? Date.now() + 50 : Date.now() + HOUR_MS,
    }
  },
  async openShare(token: string) {
    if (token !== 'link') throw new DomainError(ErrorReason.ERROR_REASON_UNAUTHENTICATED, 'No such link.')
    const scope = 'trip:t1'
    return {
      caller: { kind: 'viewer' as const, scope },
      name: 'share:1',
      tripId: 't1',
      expiresAtMs: Date.now() + HOUR_MS,
    }
  },
}

export interface TestRest extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly log: MemoryLog
  readonly metrics: Metrics
  readonly streams: OpenStreams
  /** What was counted, in order; what is in `refused` is told to wait. */
  readonly counted: readonly string[]
  readonly refused: Set<string>
  fetch(path: string, init?: RequestInit & { readonly as?: string }): Promise<Response>
}

export async function startRest(bridge: CallBridge, overrides: Partial<RestOptions> = {}): Promise<TestRest> {
  const log = createMemoryLog()
  const metrics = createMetrics('test')
  const streams = createOpenStreams(metrics)
  const counted: string[] = []
  const refused = new Set<string>()
  const take = async (key: string): Promise<void> => {
    counted.push(key)
    if (refused.has(key)) {
      throw new DomainError(ErrorReason.ERROR_REASON_RATE_LIMITED, 'Slower.', { retryAfterMs: 1500 })
    }
  }
  const handler = createRestHandler({
    bridge,
    authenticator: createAuthenticator({ sessions, serviceKey: SERVICE_KEY }),
    limiter: {
      takeUser: (userId) => take(`user:${userId}`),
      takeAddress: (address) => take(`addr:${address}`),
    },
    streams,
    log: log.log,
    metrics,
    publicUrl: PUBLIC_URL,
    origins: ['https://app.example.in'],
    trustedProxies: 0,
    mounts: [],
    ...overrides,
  })
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    log,
    metrics,
    streams,
    counted,
    refused,
    fetch: (path, { as, ...init } = {}) =>
      fetch(url + path, {
        ...init,
        headers: { ...(as === undefined ? {} : { authorization: `Bearer ${as}` }), ...init.headers },
      }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
