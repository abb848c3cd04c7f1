/**
 * A connection to Redis that fails fast: while Redis is away every command
 * ends at once, so that callers fall back to what they hold in memory.
 */
import { Redis } from 'ioredis'
import type { Log } from '../log.ts'
import type { MetricSpec, Metrics } from '../metrics.ts'
import { traced } from '../tracing.ts'
import { createCircuit } from './circuit.ts'

export interface RedisLinkOptions {
  readonly url: string
  /** Shown by CLIENT LIST. */
  readonly name: string
  readonly log: Log
  readonly metrics: Metrics
  readonly commandTimeoutMs?: number
  /** Commands of one tick share a write. */
  readonly autoPipelining?: boolean
  /** How long connectRedis waits for a first connection before it answers without one. */
  readonly firstWaitMs?: number
}

export interface RedisLink extends AsyncDisposable {
  readonly isReady: boolean
  /** For hot paths: pipelines without a policy a command. Its errors go through translateStoreError. */
  readonly raw: Redis
  /** With the circuit breaker, and errors translated: UNAVAILABLE at once while Redis is away. */
  run<T>(work: (redis: Redis) => Promise<T>): Promise<T>
  /** Called after each connection, the first included: scripts are gone then, and perhaps the data. */
  onReady(listener: () => void): () => void
  check(): 'ok' | string
  close(): Promise<void>
}

export const REDIS_READY = {
  name: 'hushryd_redis_ready',
  help: '1 while connected to Redis.',
} satisfies MetricSpec

const COMMAND_TIMEOUT_MS = 500
const FIRST_WAIT_MS = 2000
const CONNECT_TIMEOUT_MS = 2000
/** A connection with commands under way on which nothing comes back is given up, and its commands fail. */
const SOCKET_TIMEOUT_MS = 3000
const RECONNECT_MS_MIN = 50
const SPAN = { kind: 'client', attributes: { 'db.system.name': 'redis' } } as const
const RECONNECT_MS_MAX = 1000

export async function connectRedis(options: RedisLinkOptions): Promise<RedisLink> {
  const {
    url,
    name,
    log,
    metrics,
    commandTimeoutMs = COMMAND_TIMEOUT_MS,
    firstWaitMs = FIRST_WAIT_MS,
  } = options
  const readyListeners = new Set<() => void>()
  let isClosed = false
  let isAway = false

  const raw = new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    enableAutoPipelining: options.autoPipelining ?? false,
    // Commands fail at once while Redis is away, and those under way when it goes.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => {
      const ceiling = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(attempt, 10))
      return RECONNECT_MS_MIN + Math.random() * (ceiling - RECONNECT_MS_MIN)
    },
  })
  const circuit = createCircuit('redis', metrics)
  metrics.gauge(REDIS_READY, () => (raw.status === 'ready' ? 1 : 0))

  raw.on('error', (error) => {
    // One record an outage, not one an attempt.
    if (isAway || isClosed) return
    isAway = true
    log.warn({ err: error }, 'Redis is away')
  })
  raw.on('close', () => {
    if (isAway || isClosed) return
    isAway = true
    log.warn('Redis is away')
  })

  const link: RedisLink = {
    raw,
    get isReady() {
      return raw.status === 'ready'
    },
    run: (work) => traced('redis', SPAN, () => circuit.run(() => work(raw))),
    onReady(listener) {
      readyListeners.add(listener)
      return () => void readyListeners.delete(listener)
    },
    check: () => (raw.status === 'ready' ? 'ok' : raw.status),
    async close() {
      if (isClosed) return
      isClosed = true
      // QUIT lets commands under way finish; without a connection there are none.
      if (raw.status === 'ready') await raw.quit().catch(() => undefined)
      raw.disconnect()
    },
    [Symbol.asyncDispose]: () => link.close(),
  }

  const firstReady = Promise.withResolvers<void>()
  raw.on('ready', () => {
    isAway = false
    log.info('Redis connected')
    firstReady.resolve()
    for (const listener of readyListeners) listener()
  })
  // Rejects when the first attempt fails; the retry strategy goes on by itself.
  raw.connect().catch(() => undefined)
  const timer = setTimeout(firstReady.resolve, firstWaitMs)
  await firstReady.promise
  clearTimeout(timer)
  if (raw.status !== 'ready') log.warn('Redis is away at the start; trying on')
  return link
}
