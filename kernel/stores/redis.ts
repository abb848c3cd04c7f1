/**
 * A connection to Redis that fails fast: while Redis is away every command
 * ends at once, so that callers fall back to what they hold in memory.
 */
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import { Redis } from 'ioredis'
import { DomainError, ErrorReason } from '../error.ts'
import type { Log } from '../log.ts'
import type { MetricSpec, Metrics } from '../metrics.ts'
import { translateStoreError } from './store-error.ts'

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

export const REDIS_CIRCUIT = {
  name: 'hushryd_redis_circuit_open',
  help: '1 while the circuit breaker keeps commands away from Redis, 0.5 while it tries one.',
} satisfies MetricSpec

const COMMAND_TIMEOUT_MS = 500
const FIRST_WAIT_MS = 2000
const CONNECT_TIMEOUT_MS = 2000
/** A connection with commands under way on which nothing comes back is given up, and its commands fail. */
const SOCKET_TIMEOUT_MS = 3000
const RECONNECT_MS_MIN = 50
const RECONNECT_MS_MAX = 1000
/** Timeouts in a row after which Redis is left alone for a while. */
const FAILURES_MAX = 5
const CIRCUIT_OPEN_MS = 1000

function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE
}

const GAUGE_OF_STATE = {
  [CircuitState.Closed]: 0,
  [CircuitState.HalfOpen]: 0.5,
  [CircuitState.Open]: 1,
  [CircuitState.Isolated]: 1,
} as const

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
  const breaker = circuitBreaker(handleWhen(isUnavailable), {
    breaker: new ConsecutiveBreaker(FAILURES_MAX),
    halfOpenAfter: CIRCUIT_OPEN_MS,
  })
  metrics.gauge(REDIS_READY, () => (raw.status === 'ready' ? 1 : 0))
  metrics.gauge(REDIS_CIRCUIT, () => GAUGE_OF_STATE[breaker.state])

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
    async run(work) {
      try {
        return await breaker.execute(async () => {
          try {
            return await work(raw)
          } catch (error) {
            throw translateStoreError('redis', error)
          }
        })
      } catch (error) {
        throw error instanceof BrokenCircuitError ? translateStoreError('redis', error) : error
      }
    },
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
