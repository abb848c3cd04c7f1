/**
 * Keeps callers off a store that is away: after several failures in a row they
 * fail at once, instead of each waiting for its own time-out, and one at a
 * time tries whether it is back.
 */
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  TimeoutStrategy,
  timeout,
} from 'cockatiel'
import { DomainError, ErrorReason } from '../error.ts'
import type { MetricSpec, Metrics } from '../metrics.ts'
import { type StoreName, storeAway, withStore } from './store-error.ts'

export interface Circuit {
  /** Errors translated: UNAVAILABLE where the store is away. */
  run<T>(work: () => Promise<T>): Promise<T>
}

/** Lets the caller go after the time, with UNAVAILABLE; what was begun goes on behind it. */
export function within<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
  return timeout(timeoutMs, TimeoutStrategy.Aggressive).execute(work)
}

export const STORE_CIRCUIT = {
  name: 'hushryd_store_circuit_open',
  help: '1 while the circuit breaker keeps callers away from the store, 0.5 while it tries one.',
  labels: { store: ['redis', 'mongo'] },
} as const satisfies MetricSpec

/** In a row; one success starts the count anew. */
const FAILURES_MAX = 5
const OPEN_MS = 1000

const GAUGE_OF_STATE = {
  [CircuitState.Closed]: 0,
  [CircuitState.HalfOpen]: 0.5,
  [CircuitState.Open]: 1,
  [CircuitState.Isolated]: 1,
} as const

export function createCircuit(store: Exclude<StoreName, 'nats'>, metrics: Metrics): Circuit {
  // Not every UNAVAILABLE: the work may have reasons of its own.
  const isAway = (error: unknown): boolean =>
    error instanceof DomainError &&
    error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE &&
    error.metadata.store === store
  const breaker = circuitBreaker(handleWhen(isAway), {
    breaker: new ConsecutiveBreaker(FAILURES_MAX),
    halfOpenAfter: OPEN_MS,
  })
  const gauge = metrics.gauge(STORE_CIRCUIT).bind({ store })
  gauge.set(GAUGE_OF_STATE[breaker.state])
  breaker.onStateChange((state) => gauge.set(GAUGE_OF_STATE[state]))
  return {
    async run(work) {
      // The one that tries may take its whole time-out; the others have something better to do.
      if (breaker.state === CircuitState.HalfOpen) throw storeAway(store)
      try {
        return await breaker.execute(() => withStore(store, work))
      } catch (error) {
        throw error instanceof BrokenCircuitError ? storeAway(store, error) : error
      }
    },
  }
}
