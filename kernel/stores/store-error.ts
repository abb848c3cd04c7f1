/** Driver errors to the contract's: a store that is away is UNAVAILABLE, and anything else stays what it is. */
import { BrokenCircuitError, TaskCancelledError } from 'cockatiel'
import { MongoBulkWriteError, MongoError, MongoNetworkError, MongoServerSelectionError } from 'mongodb'
import { DomainError, ErrorReason } from '../error.ts'

export type StoreName = 'redis' | 'nats' | 'mongo'

/** Callers come back after this; stores that restart are up again in about a second. */
const RETRY_AFTER_MS = 1000

export function storeAway(store: StoreName, cause?: unknown): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'A store that this request needs is away.', {
    metadata: { store },
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  })
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'NR_CLOSED',
])

/** ioredis tells these apart by text alone. */
const REDIS_AWAY =
  /Command timed out|Connection is closed|isn't writeable|max retries per request|Socket timeout|^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY)\b/

/** Classes of @nats-io/nats-core whose instances mean that no answer came. */
const NATS_AWAY = new Set([
  'ConnectionError',
  'ClosedConnectionError',
  'DrainingConnectionError',
  'TimeoutError',
  'NoRespondersError',
  'RequestError',
])

/** What broke off a bulk write; the driver wraps it as if the server had answered, with no write refused. */
function causeOf(error: Error): Error {
  const cause: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : error
  return cause instanceof Error ? cause : error
}

function isAway(error: Error): boolean {
  if (error instanceof BrokenCircuitError || error instanceof TaskCancelledError) return true
  if ('code' in error && typeof error.code === 'string' && NETWORK_CODES.has(error.code)) return true
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) return true
  if (error instanceof MongoError) {
    return (
      error.hasErrorLabel('RetryableWriteError') ||
      /TimeoutError|PoolCleared|TopologyClosed|NotConnected|OperationTimeout|WriteConcernTimeout/.test(
        error.name,
      )
    )
  }
  return NATS_AWAY.has(error.name) || REDIS_AWAY.test(error.message)
}

/** UNAVAILABLE where the store is away; else the error itself, which is a bug of ours or a fact that the caller knows to handle. */
export function translateStoreError(store: StoreName, error: unknown): unknown {
  if (error instanceof DomainError || !(error instanceof Error)) return error
  return isAway(causeOf(error)) ? storeAway(store, error) : error
}

/** Runs the work, and throws what translateStoreError makes of its errors. */
export async function withStore<T>(store: StoreName, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translateStoreError(store, error)
  }
}
